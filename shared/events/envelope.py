"""The envelope of every event: CloudEvents 1.0 in Kafka's binary mode.

The headers say who announced what about whom and when; the value is the JSON data alone, which any client can read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

ServiceName = Literal["intake", "verification", "programs", "notifications"]
TopicKind = Literal["facts", "profiles"]

TYPE_PREFIX = "id.tuntas."
EVENT_BYTES_MAX = 256 * 1024
"""Largest event in bytes of JSON; a larger one is refused where it is announced."""


class Event(BaseModel):
    """A fact that one service announces: strict to produce, tolerant to read.

    A subclass states its announcer, its CloudEvents type and which of its fields is the subject. Unknown fields are
    ignored on reading, so that an older reader lives beside a newer announcer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", revalidate_instances="always")

    announcer: ClassVar[ServiceName]
    type: ClassVar[str]
    """Short type, without prefix: ``household.registered.v1``."""
    subject_kind: ClassVar[str] = "household"
    subject_field: ClassVar[str] = "household_id"
    region_field: ClassVar[str] = "region"
    """The field whose region the announcer must have authority over."""
    kind: ClassVar[TopicKind] = "facts"
    example: ClassVar[dict[str, Any]]
    """A valid instance as JSON, with invented ids; part of the contract."""

    @property
    def subject_id(self) -> UUID:
        """The UUID which is the record's key: all facts with the same one are heard in the order of announcement."""
        subject = getattr(self, self.subject_field)
        return subject if isinstance(subject, UUID) else UUID(str(subject))

    @property
    def subject(self) -> str:
        return f"{self.kind_of_subject}/{self.subject_id}"

    @property
    def kind_of_subject(self) -> str:
        """What the subject is: ``subject_kind``, unless this very event says otherwise."""
        return self.subject_kind

    @classmethod
    def full_type(cls) -> str:
        return TYPE_PREFIX + cls.type

    @classmethod
    def schema_urn(cls) -> str:
        return f"urn:tuntas:schema:{cls.type}"

    @classmethod
    def from_example(cls) -> Self:
        return cls.model_validate(cls.example)


class Tombstone(BaseModel):
    """A profile was erased. Carries nothing but whose it was."""

    model_config = ConfigDict(frozen=True)

    household_id: UUID


class Fact(NamedTuple):
    """How an event was heard: the envelope of the record, already checked against its topic."""

    id: UUID
    type: str
    source: str
    service: str
    agency: str
    subject: str
    key: bytes
    time: datetime
    """When it was announced (aware); of families of a file, when they were drafted, up to two minutes before."""
    sequence: int | None
    """1, 2, 3 … per (source, key); None where the announcer does not number."""
    correlation_id: UUID
    causation_id: UUID | None
    topic: str
    partition: int
    offset: int
