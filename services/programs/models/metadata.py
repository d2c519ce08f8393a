"""What all tables of this service share."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint, MetaData
from sqlmodel import SQLModel


class Row(SQLModel):
    """A row of this service's own metadata. Table models do not validate: what comes in is validated before."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """The column holds one of the states."""
    words = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} in ({words})", name=f"{column}_known")


def two_people(one: str, other: str) -> CheckConstraint:
    """The second person is another than the first."""
    return CheckConstraint(f"{one} <> {other}", name="two_people")
