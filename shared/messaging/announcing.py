"""Announce: an event becomes a row of the outbox in the transaction of what it tells."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.clock import Clock
from shared.driver import driver_in_transaction
from shared.events.envelope import EVENT_BYTES_MAX, Event, ServiceName
from shared.events.fields import UNKNOWN, OpenEnum
from shared.events.topics import fact_topic, profiles_topic
from shared.messaging.announcement import Always, Announcement, Record, with_number
from shared.messaging.causes import Cause, current_cause
from shared.messaging.failures import ContractBroken, ProjectionMayNotAct
from shared.messaging.ids import text_of
from shared.messaging.literals import as_array, keys_as_array
from shared.messaging.meanwhile import meanwhile
from shared.messaging.tables import outbox

_ID_NUMBER = re.compile(rb"(?<![0-9A-Za-z-])[0-9]{16}(?![0-9A-Za-z-])")
# Matching at every byte costs more than all the rest of a check: most payloads have no such run of digits at all.
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(each) in "0123456789" else ord(" ") for each in range(256))
_SIXTEEN_DIGITS = b"0" * 16
_COPIED_MIN = 64
"""From so many rows on, a COPY into the outbox costs less than a statement."""
_MADE_TOGETHER = 50
"""So many records are made in one go; then whoever waits for PostgreSQL may go on, a third of a millisecond later."""


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

    def always(self, event: type[Event]) -> Always:
        """What is the same for every event of a type."""
        return _always_of(event, self.topic_root, self.service, self.agency)


def source_of(service: str, agency: str) -> str:
    """The CloudEvents source of a deployment: ``/agencies/dinsos-samarinda/intake``."""
    return f"/agencies/{agency}/{service}"


@lru_cache(maxsize=1024)
def _always_of(event: type[Event], root: str, service: str, agency: str) -> Always:
    topic = (profiles_topic if event.kind == "profiles" else fact_topic)(root, service, agency)
    source, numbered = source_of(service, agency), event.kind == "facts"
    return Always.of(topic, source, event.full_type(), event.schema_urn(), numbered=numbered)


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
    key = str(household_id)
    _pending(session).append(
        Announcement(always, f"household/{key}", key.encode(), None, current_cause(), announcer.clock.now())
    )


def envelop(event: Checked, announcer: Announcer, cause: Cause, at: datetime) -> Announcement:
    """An event on its way into the outbox.

    Raises:
        ContractBroken: the event is another service's.
    """
    if event.of.announcer != announcer.service:
        raise ContractBroken(f"{event.of.__name__} is announced by {event.of.announcer}, not by {announcer.service}.")
    always = announcer.always(event.of)
    subject = f"{event.kind_of_subject}/{event.subject_id}"
    return Announcement(always, subject, event.subject_id.encode(), event.payload, cause, at)


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
    if pending:
        await session.flush()
        await (_copy if len(pending) >= _COPIED_MIN else _insert)(session, pending)
    return ahead + len(pending)


async def _insert(session: Session, pending: Sequence[Announcement]) -> None:
    """By one statement, which adds the numbers; it is told how many of its key come after each."""
    after, later = list[str](), Counter[bytes]()
    for each in reversed(pending):
        after.append(str(later[each.key]) if each.always.numbered else "NULL")
        later[each.key] += each.always.numbered
    ids, topics, keys, types, headers, payloads = zip(*(each.record() for each in pending), strict=True)
    words = as_array(map(str, ids)), as_array(topics), keys_as_array(keys), as_array(types)
    driver = await driver_in_transaction(session)
    await driver.execute(
        _NUMBER_INTO_OUTBOX, *_numbering(_wanted(pending)), *words, headers, payloads, as_array(reversed(after))
    )


async def _copy(session: Session, pending: Sequence[Announcement]) -> None:
    """By COPY, in their order, in which the database gives them their places. It numbers keys while they are made."""
    wanted, driver = _wanted(pending), await driver_in_transaction(session)

    async def number() -> dict[bytes, int]:
        return {key: last - wanted[key] for key, last in await driver.fetch(_NUMBER, *_numbering(wanted))}

    numbers, records = await meanwhile(number(), _made(pending))
    await driver.copy_records_to_table(
        outbox.name, schema_name=outbox.schema, columns=Record._fields, records=_with_numbers(pending, records, numbers)
    )


async def _made(pending: Sequence[Announcement]) -> list[Record]:
    """Records without their numbers, made in parts: whoever waits for PostgreSQL may go on in between."""
    records = list[Record]()
    for first in range(0, len(pending), _MADE_TOGETHER):
        records += [each.record() for each in pending[first : first + _MADE_TOGETHER]]
        await asyncio.sleep(0)
    return records


def _with_numbers(
    pending: Iterable[Announcement], records: Iterable[Record], last: dict[bytes, int]
) -> Iterator[tuple[Any, ...]]:
    for said, (event_id, topic, key, kind, headers, payload) in zip(pending, records, strict=True):
        if said.always.numbered:
            last[key] = number = last[key] + 1
            headers = with_number(headers, number)
        yield event_id, topic, key, kind, headers, payload


def _wanted(pending: Iterable[Announcement]) -> Counter[bytes]:
    """How many numbers each key gets."""
    return Counter(each.key for each in pending if each.always.numbered)


def _numbering(wanted: Counter[bytes]) -> tuple[str, str]:
    """The arguments of ``_NUMBER``, in sorted order."""
    keys = sorted(wanted)
    return keys_as_array(keys), as_array(map(str, map(wanted.__getitem__, keys)))


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
