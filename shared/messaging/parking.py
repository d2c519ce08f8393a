"""Parking keeps order: what cannot be handled waits, with what follows of the same key, until somebody acts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import func, select, text, update
from sqlmodel.ext.asyncio.session import AsyncSession as Session
from uuid_utils.compat import uuid7

from shared.messaging.records import Fault, RawRecord, Received
from shared.messaging.tables import parked

LISTED_MAX = 200


class Sealer(Protocol):
    """Encrypts what may hold anything; the vault of the security module is one."""

    @property
    def key_version(self) -> int: ...

    def seal(self, purpose: str, plain: bytes) -> bytes: ...

    def open(self, purpose: str, sealed: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it came, kept word for word."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record as screens and commands show it: ids, places and reasons, no content."""

    id: UUID
    topic: str
    partition: int
    offset: int
    key: str
    reason: str
    detail: dict[str, Any]
    type: str | None
    event_id: UUID | None
    state: str
    parked_at: datetime
    key_bytes: bytes = b""


async def park(session: Session, sealer: Sealer, records: Sequence[tuple[Received, Fault]]) -> None:
    """Keep records with the reason. One that is parked already, and came again, is left as it is."""
    if not records:
        return
    rows = []
    for received, fault in records:
        identity = uuid7()
        sealed = sealer.seal(_purpose(identity), _dump(received.raw))
        rows.append(
            {
                "id": identity, "topic": received.topic, "partition": received.partition, "offset": received.offset,
                "key": received.key, "reason": fault.reason, "detail": orjson.dumps(fault.detail).decode(),
                "type": received.type[:200].replace("\x00", "") if received.type else None,
                "event_id": received.event_id,
                "sequence": received.sequence, "record": sealed, "key_version": sealer.key_version,
            }
        )  # fmt: skip
    await (await session.connection()).execute(_PARK, rows)


async def waiting_of(session: Session, topic: str, key: bytes) -> list[Parked]:
    """What waits of one key, in the order of its announcement: a late one that fills a gap goes before it."""
    rows = await (await session.connection()).execute(
        select(parked)
        .where(parked.c.topic == topic, parked.c.key == key, parked.c.state == "waiting")
        .order_by(func.coalesce(parked.c.sequence, 0), parked.c.offset)
    )
    return [_shown(row) for row in rows]


async def list_parked(session: Session, *, limit: int = LISTED_MAX) -> list[Parked]:
    """Heads of waiting keys first: what somebody has to look at, oldest first; at most ``limit`` rows."""
    rows = await (await session.connection()).execute(
        select(parked)
        .where(parked.c.state == "waiting")
        .order_by(parked.c.reason == "behind", parked.c.parked_at, parked.c.offset)
        .limit(min(limit, LISTED_MAX))
    )
    return [_shown(row) for row in rows]


async def find_parked(session: Session, identity: UUID) -> Parked | None:
    row = (await (await session.connection()).execute(select(parked).where(parked.c.id == identity))).one_or_none()
    return None if row is None else _shown(row)


async def count_waiting(session: Session) -> int:
    query = select(func.count()).select_from(parked).where(parked.c.state == "waiting")
    return int((await (await session.connection()).execute(query)).scalar_one())


async def stored_record(session: Session, sealer: Sealer, identity: UUID) -> RawRecord:
    """The original record of a parked row."""
    query = select(parked.c.record).where(parked.c.id == identity)
    sealed = (await (await session.connection()).execute(query)).scalar_one()
    return _load(sealer.open(_purpose(identity), sealed))


async def settle(
    session: Session, identity: UUID, state: str, *, by: str | None = None, reason: str | None = None
) -> None:
    await (await session.connection()).execute(
        update(parked)
        .where(parked.c.id == identity)
        .values(state=state, settled_at=func.clock_timestamp(), settled_by=by, settled_reason=reason)
    )


async def restate(session: Session, identity: UUID, fault: Fault) -> None:
    """Note why a record still cannot be handled."""
    values = {"reason": fault.reason, "detail": fault.detail}
    await (await session.connection()).execute(update(parked).where(parked.c.id == identity).values(**values))


def _purpose(identity: UUID) -> str:
    return f"parked/{identity}"


def _shown(row: Any) -> Parked:
    return Parked(
        row.id, row.topic, row.partition, row.offset, row.key.decode("utf-8", "replace")[:64], row.reason, row.detail,
        row.type, row.event_id, row.state, row.parked_at, row.key,
    )  # fmt: skip


def _dump(raw: RawRecord) -> bytes:
    """A line of JSON with everything but the value, then the value as it came: it may be a megabyte of anything."""
    value = None if raw.value is None else bytes(raw.value)
    headers = [[name, _hex(value)] for name, value in raw.headers]
    about = [raw.topic, raw.partition, raw.offset, _hex(raw.key), None if value is None else len(value), headers]
    # Unlike orjson it keeps the name of a header that is no text.
    return json.dumps(about).encode() + b"\n" + (value or b"")


def _load(plain: bytes) -> StoredRecord:
    about, _, after = plain.partition(b"\n")
    topic, partition, offset, key, value, headers = json.loads(about)
    if isinstance(value, int):
        kept: bytes | None = after
    else:
        # Without a value, or parked by a release that wrote the value into the line.
        kept = _unhex(value)
    pairs = tuple((name, _unhex(value)) for name, value in headers)
    return StoredRecord(topic, partition, offset, _unhex(key), kept, pairs)  # type: ignore[arg-type]


def _hex(value: bytes | None) -> str | None:
    return None if value is None else bytes(value).hex()


def _unhex(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


_PARK = text(
    """
    insert into kernel.parked
        (id, topic, partition, "offset", key, reason, detail, type, event_id, sequence, record, key_version)
    values (:id, :topic, :partition, :offset, :key, :reason, cast(:detail as jsonb), :type, :event_id, :sequence,
        :record, :key_version)
    on conflict (topic, partition, "offset") do nothing
    """
)
