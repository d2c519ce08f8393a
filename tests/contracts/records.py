"""A contract's way onto the bus and off it, without a broker: what one side writes, the other reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

import orjson
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import Clock
from shared.events.envelope import Event
from shared.messaging.announcement import Announcement
from shared.messaging.announcing import Announcer, announce
from shared.messaging.records import Received, receive

ROOT = "tuntas"
AGENCY = "dinsos-samarinda"


class Anywhere:
    """Every agency's word counts everywhere: authority is not what contracts are about."""

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:  # noqa: ARG002 - anywhere
        return True


@dataclass(frozen=True)
class Record:
    """What a Kafka client hands over."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = 0
    offset: int = 0


def announced(event: Event) -> Announcement:
    """The announcement of an event, as its own announcer makes it; not numbered yet."""
    session = AsyncSession(info={"announcer": Announcer(event.announcer, AGENCY, ROOT, Clock())})
    announce(session, event)
    [announcement] = session.info["announced"]
    made: Announcement = announcement
    return made


def record_of(event: Event, sequence: int = 1) -> Record:
    """The record that the relay would send, with the headers that the commit adds."""
    said = announced(event)
    made = said.record().numbered(sequence) if said.always.numbered else said.record()
    pairs = tuple((name, text.encode()) for name, text in orjson.loads(made.headers).items())
    return Record(made.topic, made.key, made.payload, pairs)


def read(record: Record) -> Received:
    return receive(record, ROOT, Anywhere())


def stranger(event: type[Event], payload: bytes) -> Record:
    """A record of an outside system, which sets no more headers than it must."""
    example = event.from_example()
    headers = {
        "ce_id": str(uuid4()),
        "ce_source": f"/agencies/{AGENCY}/{event.announcer}",
        "ce_type": event.full_type(),
        "ce_subject": example.subject,
        "ce_time": datetime.now(UTC).isoformat(),
    }
    root = ROOT if event.kind == "facts" else f"{ROOT}-profiles"
    pairs = tuple((name, text.encode()) for name, text in headers.items())
    return Record(f"{root}.{event.announcer}.{AGENCY}", str(example.subject_id).encode(), payload, pairs)
