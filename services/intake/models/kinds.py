"""The metadata of this service and the kinds of column its tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, MetaData, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

NAMING = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
}


class Base(SQLModel):
    metadata = MetaData(naming_convention=NAMING)


def codes() -> Column[Any]:
    """A list of codes, in the order in which they were found."""
    return Column(JSONB, nullable=False, server_default="[]")


def one_of(column: str, *words: str) -> CheckConstraint:
    """The words a column may hold; kept as text so that a release may add one."""
    return CheckConstraint(f"{column} in ({', '.join(repr(word) for word in words)})", name=column)


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model, for writing many rows at once."""
    return model.metadata.tables[str(model.__tablename__)]
