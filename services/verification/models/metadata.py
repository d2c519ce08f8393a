"""Where the tables of this service are collected, and how their constraints are named."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Enum, MetaData
from sqlmodel import SQLModel


class Base(SQLModel):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


def one_of(column: str, words: type[StrEnum] | list[str]) -> str:
    """The check that keeps a text column to a closed list."""
    return f"{column} in ({', '.join(repr(str(word)) for word in words)})"


def words_of(kind: type[StrEnum]) -> Enum:
    """The type of a text column that reads as an enum. Its check is stated with the table."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda each: [word.value for word in each],
    )
