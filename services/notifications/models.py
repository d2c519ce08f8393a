"""Tables of notifications: facts as heard and what follows from them (read tables), and the inbox (its own)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.notifications.rules.buckets import Bucket
from services.notifications.rules.stages import Stage

NAMING = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(SQLModel):
    metadata = MetaData(naming_convention=NAMING)


def _one_of(column: str, words: type[Bucket] | type[Stage]) -> str:
    return f"{column} in ({', '.join(repr(str(word)) for word in words)})"


class HeardFact(Base, table=True):
    """Read table: a fact as its announcer said it. Nothing here tells when or in which order it was heard."""

    __tablename__: ClassVar[Any] = "heard_fact"
    __table_args__ = (
        Index("ix_heard_fact_key", "key"),
        Index("ix_heard_fact_source_at", "source", "at"),
        Index("ix_heard_fact_entry_id", "entry_id", postgresql_where=text("entry_id is not null")),
        Index("ix_heard_fact_fund_line", "fund_line", "at", postgresql_where=text("fund_line is not null")),
        Index("ix_heard_fact_quota_id", "quota_id", "at", postgresql_where=text("quota_id is not null")),
        Index("ix_heard_fact_type_at", "type", "at", postgresql_where=text("household_id is null")),
    )

    source: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    key: UUID
    position: int = Field(sa_type=BigInteger)
    at: datetime
    type: str = Field(sa_type=Text, description="Short CloudEvents type: household.enrolled.v1.")
    agency: str = Field(sa_type=Text)
    region: str | None = Field(None, sa_type=Text)
    household_id: UUID | None = None
    entry_id: UUID | None = None
    programme: str | None = Field(None, sa_type=Text)
    fund_line: str | None = Field(None, sa_type=Text)
    quota_id: UUID | None = None
    rupiah: int | None = Field(None, sa_type=BigInteger)
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class CohortEntry(Base, table=True):
    """Read table: the rows of closed lists. Whoever works out where an entry stands holds its row lock meanwhile."""

    __tablename__: ClassVar[Any] = "cohort_entry"

    entry_id: UUID = Field(primary_key=True)
    cohort: str = Field(sa_type=Text)


class EntrySpan(Base, table=True):
    """Read table: a bucket in which an entry was, after ``since`` up to and including ``until``."""

    __tablename__: ClassVar[Any] = "entry_span"
    __table_args__ = (
        CheckConstraint(_one_of("bucket", Bucket), name="bucket"),
        Index("ix_entry_span_cohort_since", "cohort", "since"),
    )

    entry_id: UUID = Field(primary_key=True)
    since: datetime = Field(primary_key=True)
    until: datetime | None = None
    cohort: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    bucket: str = Field(sa_type=Text)


class StageSpan(Base, table=True):
    """Read table: a stage that a household had reached, after ``since`` up to and including ``until``."""

    __tablename__: ClassVar[Any] = "stage_span"
    __table_args__ = (
        CheckConstraint(_one_of("stage", Stage), name="stage"),
        Index("ix_stage_span_stage_since", "stage", "since"),
    )

    household_id: UUID = Field(primary_key=True)
    stage: str = Field(primary_key=True, sa_type=Text)
    since: datetime = Field(primary_key=True)
    until: datetime | None = None
    region: str = Field(sa_type=Text)
    persons: int


class Message(Base, table=True):
    """A message in somebody's inbox: one per cause and person, for ever."""

    __tablename__: ClassVar[Any] = "message"
    __table_args__ = (
        UniqueConstraint("cause", "recipient"),
        Index("ix_message_recipient_told_at", "recipient", "told_at"),
    )

    id: UUID = Field(primary_key=True)
    cause: str = Field(sa_type=Text)
    recipient: str = Field(sa_type=Text, description="agency/subject of the person.")
    code: str = Field(sa_type=Text, description="Text of the catalogue; its values stand beside it.")
    values: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    region: str = Field(sa_type=Text)
    link: str = Field(sa_type=Text)
    due_on: date | None = None
    correlation_id: UUID
    told_at: datetime
    read_at: datetime | None = None


class PlaceStory(Base, table=True):
    """Places that one decision set free, and how many of them have a new household."""

    __tablename__: ClassVar[Any] = "place_story"

    correlation_id: UUID = Field(primary_key=True)
    programme: str = Field(primary_key=True, sa_type=Text)
    agency: str = Field(primary_key=True, sa_type=Text)
    region: str = Field(sa_type=Text)
    released: int = 0
    filled: int = 0


class Watch(Base, table=True):
    """Since when this deployment has been looking without a break: a watcher who slept cannot call others silent."""

    __tablename__: ClassVar[Any] = "watch"

    kind: str = Field(primary_key=True, sa_type=Text)
    since: datetime
    looked_at: datetime


class Silence(Base, table=True):
    """The last silence of a deployment that was told: each silence is told once."""

    __tablename__: ClassVar[Any] = "silence"

    source: str = Field(primary_key=True, sa_type=Text)
    last_heard_at: datetime


READ_MODELS: tuple[type[Base], ...] = (HeardFact, CohortEntry, EntrySpan, StageSpan)

# The same tables for statements: what is read and written in bulk goes past the ORM.
HEARD = Base.metadata.tables["heard_fact"]
ENTRIES = Base.metadata.tables["cohort_entry"]
ENTRY_SPANS = Base.metadata.tables["entry_span"]
STAGE_SPANS = Base.metadata.tables["stage_span"]
MESSAGES = Base.metadata.tables["message"]
PLACE_STORIES = Base.metadata.tables["place_story"]
WATCHES = Base.metadata.tables["watch"]
SILENCES = Base.metadata.tables["silence"]
