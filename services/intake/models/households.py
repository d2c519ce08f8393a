"""Households and their members: what may travel in the clear, who they are under their household's key."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.intake.models.kinds import Base, codes, one_of


class Household(Base, table=True):
    """One family card, or people without one and the reason for it."""

    __tablename__: ClassVar[Any] = "household"
    __table_args__ = (one_of("state", "active", "withdrawn"), Index(None, "region", "id"))

    id: UUID = Field(primary_key=True)
    region: str = Field(sa_type=Text)
    registers: list[str] = Field(sa_column=codes())
    without_card_reason: str | None = Field(default=None, sa_type=Text)
    decile: int | None = Field(default=None, sa_type=SmallInteger)
    housing: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default="{}"))
    address: bytes | None = Field(default=None, description="Sealed: street, RT, RW.")
    key_version: int = Field(description="Generation of the household's key under which its fields are sealed.")
    state: str = Field(default="active", sa_type=Text)
    withdrawn_reason: str | None = Field(default=None, sa_type=Text)
    revision: int = 1
    registered_at: datetime
    updated_at: datetime


class HouseholdReference(Base, table=True):
    """The id that a sending register gave a family. Two registers may give the same id to two families."""

    __tablename__: ClassVar[Any] = "household_reference"

    numbering: str = Field(primary_key=True, sa_type=Text, description="Who numbered: the sender's code.")
    reference: str = Field(primary_key=True, sa_type=Text)
    household_id: UUID = Field(foreign_key="household.id", index=True)


class FamilyCard(Base, table=True):
    """A family card's number while it belonged to a household; households change cards, cards change households."""

    __tablename__: ClassVar[Any] = "family_card"
    __table_args__ = (
        Index("uq_family_card_kk_index", "kk_index", unique=True, postgresql_where=text("valid_to is null")),
    )

    id: UUID = Field(primary_key=True)
    household_id: UUID = Field(foreign_key="household.id", index=True)
    kk_index: bytes = Field(sa_type=LargeBinary)
    number: bytes = Field(description="Sealed.")
    key_version: int
    valid_from: date
    valid_to: date | None = None


class Member(Base, table=True):
    """A person in a household. Active persons have one person number each, and each number one active person."""

    __tablename__: ClassVar[Any] = "member"
    __table_args__ = (
        one_of("sex", "male", "female", "unknown"),
        one_of("dukcapil", "unchecked", "match", "no-match", "deceased"),
        one_of("state", "active", "left"),
        Index("uq_member_nik_index", "nik_index", unique=True, postgresql_where=text("state = 'active'")),
        Index("ix_member_name_index", "name_index", postgresql_using="gin"),
        Index("ix_member_row_digest", "row_digest", postgresql_where=text("nik_index is null")),
    )

    id: UUID = Field(primary_key=True)
    household_id: UUID = Field(foreign_key="household.id", index=True)
    identity: bytes = Field(description="Sealed: name, NIK, birth date, phone.")
    key_version: int
    nik_index: bytes | None = Field(default=None, sa_type=LargeBinary, description="Blind index of the NIK.")
    no_nik_reason: str | None = Field(default=None, sa_type=Text)
    name_index: list[bytes] = Field(sa_column=Column(ARRAY(LargeBinary), nullable=False))
    sex: str = Field(default="unknown", sa_type=Text)
    birth_year: int | None = Field(default=None, sa_type=SmallInteger)
    relation: str = Field(sa_type=Text)
    at_school: bool | None = None
    works: bool | None = None
    has_business: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None
    dukcapil: str = Field(default="unchecked", sa_type=Text, description="What the civil registry said of the person.")
    dukcapil_on: date | None = None
    warnings: list[str] = Field(sa_column=codes())
    state: str = Field(default="active", sa_type=Text)
    left_reason: str | None = Field(default=None, sa_type=Text)
    import_id: UUID | None = Field(default=None, index=True)
    row_digest: bytes | None = Field(
        default=None, sa_type=LargeBinary, description="Keyed digest of the row it came from."
    )
