"""Files on their way into the register. A file waits sealed in parts; a part goes when its rows have their outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.intake.models.kinds import Base, codes, one_of


class Import(Base, table=True):
    """A file that was accepted, and how far it is. Rows = registered + known + held + rejected when it is done."""

    __tablename__: ClassVar[Any] = "import"
    __table_args__ = (
        one_of("kind", "register", "cohort"),
        one_of("state", "working", "done"),
        Index("uq_import_source", "kind", "register_code", "numbering", "source_sha256", unique=True),
        Index("ix_import_created_at", "created_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    register_code: str = Field(sa_type=Text)
    numbering: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    cohort_id: UUID | None = None
    source_sha256: str = Field(sa_type=Text, description="Of the file as received.")
    size_bytes: int = Field(sa_type=BigInteger)
    header: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    delimiter: str = Field(sa_type=Text)
    state: str = Field(default="working", sa_type=Text)
    rows: int
    parts: int
    parts_done: int = 0
    registered: int = 0
    known: int = 0
    held: int = 0
    rejected: int = 0
    warned: int = 0
    households: int = Field(default=0, description="Households that entered the register with this file.")
    created_by: str = Field(sa_type=Text)
    created_at: datetime
    finished_at: datetime | None = None


class ImportPart(Base, table=True):
    """Some rows as received, sealed; families are whole. Deleted in the transaction that decides its rows."""

    __tablename__: ClassVar[Any] = "import_part"

    import_id: UUID = Field(primary_key=True, foreign_key="import.id")
    number: int = Field(primary_key=True)
    rows: int
    sealed: bytes
    key_version: int


class ImportReject(Base, table=True):
    """A row that was refused, as received, with the codes of why."""

    __tablename__: ClassVar[Any] = "import_reject"

    import_id: UUID = Field(primary_key=True, foreign_key="import.id")
    row_number: int = Field(primary_key=True)
    sealed: bytes
    key_version: int
    reasons: list[str] = Field(sa_column=codes())
