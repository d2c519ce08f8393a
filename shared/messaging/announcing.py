"""Announce: an event becomes a row of the outbox in the transaction of what it tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.clock import Clock
from shared.driver import driver_in_transaction
from shared.events.envelope import EVENT_BYTES_MAX, Event, ServiceName
from shared.events.fields import UNKNOWN, OpenEnum
from shared.events.topics import fact_topic, profiles_topic
from shared.messaging.causes import Cause, current_cause
from shared.messaging.failures import ContractBroken, ProjectionMayNotAct
from shared.messaging.ids import new_id, text_of
from shared.messaging.literals import as_array, keys_as_array
from shared.messaging.tables import outbox

_ID_NUMBER = re.compile(rb"(?<![0-9A-Za-z-])[0-9]{16}(?![0-9A-Za-z-])")
# Matching at every byte costs more than all the rest of a check: most payloads have no such run of digits at all.
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(each) in "0123456789" else ord(" ") for each in range(256))
_SIXTEEN_DIGITS = b"0" * 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_COPIED_MIN = 64
"""From so many rows on, a COPY into the outbox costs less than a statement."""


@dataclass(frozen=True, slots=True)
class Announcer:
    """Who announces: one deployment."""

    service: ServiceName
    agency: str
    topic_root: str
    clock: Clock

    @property
    def source(self) -> str:
        return source_of(self.service, self.agency)

    def topic(self, event: type[Event]) -> str:
        return self.always(event).topic

    def always(self, event: type[Event]) -> _Always:
        """What is the same for every event of a type."""
        return _always(event, self.topic_root, self.service, self.agency)


class _Always(NamedTuple):
    topic: str
    source: str
    type: str
    schema: str
    numbered: bool


@dataclass(slots=True)
class Announcement:
    """An event on its way into the outbox; facts still lack their number."""

    topic: str
    key: bytes
    type: str
    headers: dict[str, str]
    payload: bytes | None
    numbered: bool
    event_id: UUID = field(default_factory=new_id)


def source_of(service: str, agency: str) -> str:
    """The CloudEvents source of a deployment: ``/agencies/dinsos-samarinda/intake``."""
    return f"/agencies/{agency}/{service}"


@lru_cache(maxsize=1024)
def _always(event: type[Event], root: str, service: str, agency: str) -> _Always:
    topic = (profiles_topic if event.kind == "profiles" else fact_topic)(root, service, agency)
    return _Always(topic, source_of(service, agency), event.full_type(), event.schema_urn(), event.kind == "facts")


class Checked(NamedTuple):
    """An event that keeps its contract, as it goes on the bus."""

    of: type[Event]
    kind_of_subject: str
    subject_id: str
    payload: bytes


def checked(event: Event) -> Checked:
    """Look at an event as announcing does, without a session; only its announcer is looked at later.

    Raises:
        ContractBroken: the event breaks its contract, is too large, or carries an id number.
    """
    return _checked(_validated(type(event), event))


def made_and_checked(event: type[Event], values: Mapping[str, Any]) -> Checked:
    """The same for an event that is made of values, and so looked at once. Raises as ``checked`` does."""
    return _checked(_validated(event, values))


def _validated(of: type[Event], said: Event | Mapping[str, Any]) -> Event:
    try:
        event: Event = of.__pydantic_validator__.validate_python(said)
    except ValidationError as wrong:
        places = [".".join(map(str, each["loc"])) for each in wrong.errors(include_input=False, include_url=False)]
        raise ContractBroken(f"{of.__name__} breaks its contract at {', '.join(places)}.") from None
    return event


def _checked(event: Event) -> Checked:
    payload = event.__pydantic_serializer__.to_json(event)
    if len(payload) > EVENT_BYTES_MAX:
        raise ContractBroken(
            f"{type(event).__name__} has {len(payload)} bytes; the largest event is {EVENT_BYTES_MAX}."
        )
    if b'"unknown"' in payload and _says_unknown(event):
        raise ContractBroken(f"{type(event).__name__} says UNKNOWN: that is what a reader makes of a state it lacks.")
    if _SIXTEEN_DIGITS in payload.translate(_DIGITS_AS_ZEROS) and _ID_NUMBER.search(payload):
        raise ContractBroken(f"{type(event).__name__} carries a 16-digit number: NIK and KK never travel on the bus.")
    return Checked(type(event), event.kind_of_subject, text_of(event.subject_id), payload)


def announce(session: Session, event: Event) -> None:
    """Say a fact, together with what the session writes or not at all.

    Raises:
        ContractBroken: the event breaks its contract, is another service's, too large, or carries an id number.
        ProjectionMayNotAct: called from a projection.
    """
    announce_checked(session, checked(event))


def announce_checked(session: Session, event: Checked) -> None:
    """The same for an event that was checked before. Raises as ``announce`` does."""
    announcer = announcer_of(session)
    _pending(session).append(envelop(event, announcer, current_cause(), announcer.clock.now()))


def erase_profile(session: Session, profile: type[Event], household_id: UUID) -> None:
    """Erase a household's profile from its compacted topic: readers hear a tombstone."""
    announcer = announcer_of(session)
    if profile.kind != "profiles" or profile.announcer != announcer.service:
        raise ContractBroken(f"{profile.__name__} is no profile of {announcer.service}.")
    always = announcer.always(profile)
    headers = _headers(always, f"household/{household_id}", current_cause(), announcer.clock.now())
    _pending(session).append(
        Announcement(always.topic, str(household_id).encode(), always.type, headers, None, numbered=False)
    )


def envelop(event: Checked, announcer: Announcer, cause: Cause, at: datetime) -> Announcement:
    """The record of an event, without its number.

    Raises:
        ContractBroken: the event is another service's.
    """
    if event.of.announcer != announcer.service:
        raise ContractBroken(f"{event.of.__name__} is announced by {event.of.announcer}, not by {announcer.service}.")
    always = announcer.always(event.of)
    headers = _headers(always, f"{event.kind_of_subject}/{event.subject_id}", cause, at)
    return Announcement(always.topic, event.subject_id.encode(), always.type, headers, event.payload, always.numbered)


def _headers(always: _Always, subject: str, cause: Cause, at: datetime) -> dict[str, str]:
    headers = {
        "ce_specversion": "1.0",
        "ce_source": always.source,
        "ce_type": always.type,
        "ce_subject": subject,
        "ce_time": _written((at - _EPOCH) // _MILLISECOND),
        "ce_dataschema": always.schema,
        "ce_correlationid": str(cause.correlation_id),
        "content-type": "application/json",
    }
    if cause.causation_id is not None:
        headers["ce_causationid"] = str(cause.causation_id)
    return headers


@lru_cache(maxsize=8)
def _written(milliseconds: int) -> str:
    """A moment since the epoch, in UTC. Many an event is announced in the same millisecond as the last one."""
    return (_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec="milliseconds")[:-6] + "Z"


def _says_unknown(value: object) -> bool:
    if isinstance(value, OpenEnum):
        return value == UNKNOWN
    if isinstance(value, BaseModel):
        return any(_says_unknown(each) for each in vars(value).values())
    return isinstance(value, list) and any(_says_unknown(each) for each in value)


def announced_so_far(session: Session) -> int:
    """How many announcements wait for this session's commit."""
    ahead: int = session.info.get(_AHEAD, 0)
    return len(session.info.get("announced", ())) + ahead


def count_written_ahead(session: Session, count: int) -> None:
    """So many announcements are in the outbox already, and wait for the commit."""
    session.info[_AHEAD] = session.info.get(_AHEAD, 0) + count


async def write_announcements(session: Session) -> int:
    """Number what was announced and put it into the outbox; the edge calls this just before it commits.

    Keys are numbered in sorted order, so that two edges never wait for each other in a circle.

    Returns:
        How many rows were written, those that were written ahead among them.
    """
    pending: list[Announcement] = session.info.pop("announced", [])
    ahead: int = session.info.pop(_AHEAD, 0)
    if not pending:
        return ahead
    await session.flush()
    wanted = Counter(each.key for each in pending if each.numbered)
    keys = sorted(wanted)
    numbering = keys_as_array(keys), as_array(map(str, map(wanted.__getitem__, keys)))
    driver = await driver_in_transaction(session)
    if len(pending) < _COPIED_MIN:
        await driver.execute(_NUMBER_INTO_OUTBOX, *numbering, *_columns(pending))
    else:
        numbers = {key: last - wanted[key] for key, last in await driver.fetch(_NUMBER, *numbering)}
        for each in pending:
            if each.numbered:
                numbers[each.key] += 1
            finish(each, numbers.get(each.key, 0))
        # Rows of a COPY are numbered in their order, too.
        await driver.copy_records_to_table(
            outbox.name, schema_name=outbox.schema, columns=_COLUMNS, records=map(_row, pending)
        )
    return ahead + len(pending)


def finish(one: Announcement, number: int | None) -> None:
    """Add what is known last: the number, where it gets one, and what follows from the event's id.

    Args:
        number: None where the database adds it.
    """
    event_id = one.headers["ce_id"] = str(one.event_id)
    one.headers["traceparent"] = _traceparent(one.headers["ce_correlationid"], event_id)
    if one.numbered and number is not None:
        one.headers["ce_sequence"] = str(number)


def _columns(pending: list[Announcement]) -> tuple[Any, ...]:
    """Rows without their numbers, as columns; of each that gets one, how many of its key come after it."""
    after, later = list[str](), Counter[bytes]()
    for each in reversed(pending):
        finish(each, None)
        after.append(str(later[each.key]) if each.numbered else "NULL")
        later[each.key] += each.numbered
    ids, topics, keys, types, headers, payloads = zip(*map(_row, pending), strict=True)
    words = as_array(map(str, ids)), as_array(topics), keys_as_array(keys), as_array(types)
    return *words, headers, payloads, as_array(reversed(after))


def _row(of: Announcement) -> tuple[Any, ...]:
    """The values of ``_COLUMNS``."""
    return of.event_id, of.topic, of.key, of.type, orjson.dumps(of.headers).decode(), of.payload


def _traceparent(correlation_id: str, event_id: str) -> str:
    """W3C trace context that joins all that one correlation id runs through; its span is the end of the event's id."""
    return f"00-{correlation_id.replace('-', '')}-{event_id[19:23]}{event_id[24:]}-01"


def announcer_of(session: Session) -> Announcer:
    """Who announces what this session says. Raises ProjectionMayNotAct."""
    if session.info.get("projecting"):
        raise ProjectionMayNotAct("A projection only writes read tables; what acts is a reaction (@router.on).")
    announcer: Announcer = session.info["announcer"]
    return announcer


def _pending(session: Session) -> list[Announcement]:
    pending: list[Announcement] = session.info.setdefault("announced", [])
    return pending


_AHEAD: Final = "written_ahead"
_NUMBER = """
    insert into kernel.announced (key, last_sequence)
    select convert_to(k, 'UTF8'), n from unnest(cast($1::text as text[]), cast($2::text as bigint[])) as wanted(k, n)
    on conflict (key) do update set last_sequence = announced.last_sequence + excluded.last_sequence
    returning key, last_sequence
    """
_COLUMNS = ("event_id", "topic", "key", "type", "headers", "payload")
_NUMBER_INTO_OUTBOX = f"""
    with numbered as ({_NUMBER})
    insert into kernel.outbox (event_id, topic, key, type, headers, payload)
    select event_id, topic, convert_to(row.key, 'UTF8'), type,
        headers::jsonb || case
            when after is null then '{{}}' else jsonb_build_object('ce_sequence', (last_sequence - after)::text)
        end,
        payload
    from unnest(
        cast($3::text as uuid[]), cast($4::text as text[]), cast($5::text as text[]), cast($6::text as text[]),
        $7::text[], $8::bytea[], cast($9::text as bigint[])
    ) with ordinality as row(event_id, topic, key, type, headers, payload, after, place)
    left join numbered on numbered.key = convert_to(row.key, 'UTF8')
    order by place
    """
