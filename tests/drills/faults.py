"""What is done to a forked process before it serves: handlers that fail or dawdle, contracts of the next release.

Each takes the service and the words that the drill gave it, and changes this process only.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event, Tombstone
from shared.events.verification import HouseholdVerified
from shared.messaging import announcement, announcing, consumer, hearing, points, relay, written_ahead
from shared.messaging.routing import EventRouter, Hearer
from shared.service import Service
from tests.drills import handled, lateness
from tests.drills.nursery import dying_at

Wrapper = Callable[[Hearer], Callable[..., Awaitable[None]]]
DIES_WHILE_FOLDING = "dies while folding"
WHILE_SENDING = "while-sending"
"""No point of the kernel: a batch is with the producer and not acknowledged yet."""
ABOUT_TO_SEND = "about-to-send"
"""No point either: a relay is about to give a batch to the producer, and no look at a clock is ahead."""
ONE_IN = 10
"""One event in so many is unlucky in one of its handlers."""


class HandlerBroken(Exception):
    """What a bug in a handler raises."""


def fail_handlers(service: Service, seed: str, folder: str) -> None:
    """Handlers fail on every tenth event, by seed: half of these once, half of them until somebody mends it.

    An event says its household's id, which a service makes: the same seed has as many unlucky ones, not the same. The
    mend is the file ``mended`` in the folder: from then on none of them fails at all.
    """
    mended, failed_once = Path(folder) / "mended", set[str]()

    def wrapper(hearer: Hearer) -> Callable[..., Awaitable[None]]:
        async def failing(events: Any, *rest: Any) -> None:
            if mended.exists():
                await hearer.function(events, *rest)
                return
            unlucky = [luck for each in _each(events) if (luck := _luck(seed, hearer.name, each)) is not None]
            # Half of them fail when their work is done already: it has to be undone.
            if any(luck[1] % 2 for luck in unlucky):
                await hearer.function(events, *rest)
            for name, number in unlucky:
                if number % 4 >= 2:
                    raise HandlerBroken("until mended")
                if name not in failed_once:
                    failed_once.add(name)
                    raise HandlerBroken("once")
            if not any(luck[1] % 2 for luck in unlucky):
                await hearer.function(events, *rest)

        return failing

    _wrap(service.events, wrapper)


def fail_verified(service: Service, folder: str) -> None:
    """What hears that a household is verified fails for every fourth one, until there is ``mended`` in the folder."""
    mended = Path(folder) / "mended"

    def wrapper(hearer: Hearer) -> Callable[..., Awaitable[None]]:
        async def failing(events: Any, *rest: Any) -> None:
            if hearer.event is HouseholdVerified and not mended.exists():
                for each in _each(events):
                    if isinstance(each, HouseholdVerified) and each.household_id.int % 4 == 0:
                        raise HandlerBroken("until mended")
            await hearer.function(events, *rest)

        return failing

    _wrap(service.events, wrapper)


def slow_handlers(service: Service, seconds: str) -> None:
    """Every handler takes so long for each of its events."""

    def wrapper(hearer: Hearer) -> Callable[..., Awaitable[None]]:
        async def slow(events: Any, *rest: Any) -> None:
            await asyncio.sleep(float(seconds) * len(_each(events)))
            await hearer.function(events, *rest)

        return slow

    _wrap(service.events, wrapper)


def write_down(service: Service, type_name: str, seconds: str) -> None:
    """Projections of a type note what they take in ``drill_taken``, in the transaction of its effects, by process.

    Each event takes so many seconds more; with 0 a worker is as quick as it is.
    """

    def wrapper(hearer: Hearer) -> Callable[..., Awaitable[None]]:
        if hearer.event.__name__ != type_name or not hearer.projects:
            return hearer.function

        async def noting(events: Any, session: Any, *rest: Any) -> None:
            await hearer.function(events, session, *rest)
            taken: Sequence[Any] = _each(events)
            await session.execute(
                _TAKEN,
                {
                    "households": [each.household_id for each in taken],
                    "cases": [each.case_id for each in taken],
                    "rounds": [each.round for each in taken],
                    "process": os.getpid(),
                },
            )
            await asyncio.sleep(float(seconds) * len(taken))

        return noting

    _wrap(service.events, wrapper)


def note_handled(service: Service) -> None:
    """Its handlers write down what they take (see ``handled.py``)."""
    handled.note(service.events)


def hear_late(service: Service, folder: str) -> None:  # noqa: ARG001 - every fault is called with the service
    """It writes down in which order it hears, and hears late whom the drill names (see ``lateness.py``)."""
    lateness.hear_late(Path(folder))


def short_session(service: Service, milliseconds: str) -> None:  # noqa: ARG001 - every fault is called with the service
    """A group gives a silent worker up after so long, so that a killed one's partitions move on quickly."""
    consumer.SESSION_MS, consumer.HEARTBEAT_MS = int(milliseconds), int(milliseconds) // 4


def short_sessions(service: Service, milliseconds: str, relays_milliseconds: str) -> None:
    """The same, and the database gives a silent relay up after so long, which sends for half of that at most."""
    short_session(service, milliseconds)
    relay.SEND_SECONDS_MAX = int(relays_milliseconds) / 2000


def be_the_next_release(service: Service) -> None:
    """Announce every fact with a further optional field, and a ``.v2`` of other shape beside it; know all ``.v2``."""
    for contract in list(CONTRACTS.values()):
        if contract.announcer == service.name and contract.kind == "facts":
            _know_second_version(contract)
    pending_of = announcing._pending

    def pending(session: Any) -> list[announcement.Announcement]:
        waiting = pending_of(session)
        if not isinstance(waiting, _NextRelease):
            waiting = session.info["announced"] = _NextRelease(waiting)
        return waiting

    announcing._pending = pending
    lines_of = written_ahead.lines_of
    written_ahead.lines_of = lambda announcements: lines_of(_NextRelease.of(announcements))


def die_while_folding(service: Service, when: str) -> None:  # noqa: ARG001 - every fault is called with the service
    """The process kills itself in a rebuild, ``before`` or ``after`` a batch is folded into the emptied tables."""
    dispatch_of = hearing.Hearing.dispatch

    async def dispatch(self: Any, session: Any, handled: Any, *, react: bool = True) -> None:
        if when == "after":
            await dispatch_of(self, session, handled, react=react)
        os.write(1, f"{DIES_WHILE_FOLDING}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    hearing.Hearing.dispatch = dispatch  # type: ignore[method-assign]


def die_while_sending(service: Service, nth: str, milliseconds: str) -> None:  # noqa: ARG001 - called with the service
    """The process kills itself so long after its relay gave a batch to the producer, the nth time it does."""
    give, left = relay.Relay._send_one, int(nth)

    async def give_and_die(self: Any, producer: Any, place: relay.Place, batch: Any) -> Any:
        nonlocal left
        acknowledgement = await give(self, producer, place, batch)
        left -= 1
        if left == 0:
            asyncio.get_running_loop().call_later(float(milliseconds) / 1000, _die, WHILE_SENDING)
        return acknowledgement

    relay.Relay._send_one = give_and_die  # type: ignore[method-assign]


def _die(moment: str) -> None:
    os.write(1, f"{dying_at(moment)}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


def stop_at(service: Service, point: str, nth: str) -> None:  # noqa: ARG001 - every fault is called with the service
    """The process suspends itself, as SIGSTOP would, the nth time it reaches a point, or ``about-to-send``; once."""
    left = int(nth)

    def stop_there(reached: str) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)

    if point == ABOUT_TO_SEND:
        _before_each_batch(lambda: stop_there(ABOUT_TO_SEND))
    else:
        points.listen(stop_there)


def _before_each_batch(do: Callable[[], None]) -> None:
    give = relay.Relay._send_one

    async def do_and_give(self: Any, producer: Any, place: relay.Place, batch: Any) -> Any:
        do()
        return await give(self, producer, place, batch)

    relay.Relay._send_one = do_and_give  # type: ignore[method-assign]


TABLE_OF_TAKEN = """
    create table drill_taken (
        place bigint generated always as identity,
        household_id uuid not null,
        case_id uuid not null,
        round integer not null,
        process integer not null,
        at timestamptz not null default clock_timestamp()
    )
"""
_TAKEN = text(
    """
    insert into drill_taken (household_id, case_id, round, process)
    select household_id, case_id, round, :process
    from unnest(cast(:households as uuid[]), cast(:cases as uuid[]), cast(:rounds as integer[]))
        with ordinality as taken(household_id, case_id, round, place)
    order by place
    """
)


class _NextRelease(list[announcement.Announcement]):
    """What was announced, as the next release would say it."""

    @classmethod
    def of(cls, announcements: Sequence[announcement.Announcement]) -> _NextRelease:
        said = cls()
        for each in announcements:
            said.append(each)
        return said

    def append(self, said: announcement.Announcement) -> None:
        if not said.always.numbered or said.payload is None:
            super().append(said)
            return
        data = orjson.loads(said.payload)
        more = {"said_by_release": "2.0", "weather": {"rain": 3}}
        super().append(said._replace(payload=orjson.dumps(data | more)))
        first = said.always
        second = announcement.Always.of(
            first.topic,
            first.source,
            _second_version(first.type),
            _second_version(first.schema),
            numbered=first.numbered,
        )
        super().append(said._replace(always=second, payload=orjson.dumps({"about": data, "other": ["shape"]})))


def _second_version(name: str) -> str:
    return name.removesuffix(".v1") + ".v2"


def _know_second_version(contract: type[Event]) -> None:
    class Second(Event):
        """The second version of a contract: heard, and used by nobody yet."""

        announcer, kind = contract.announcer, contract.kind
        type = contract.type.removesuffix(".v1") + ".v2"
        about: dict[str, Any]

        @property
        def kind_of_subject(self) -> str:
            return contract.model_validate(self.about).kind_of_subject

        @property
        def subject_id(self) -> UUID:
            return contract.model_validate(self.about).subject_id

    CONTRACTS[Second.full_type()] = Second


def _wrap(router: EventRouter, wrapper: Wrapper) -> None:
    for table in (router.projections, router.reactions):
        for hearers in table.values():
            hearers[:] = [replace(each, function=wrapper(each)) for each in hearers]


def _each(events: Any) -> Sequence[Event | Tombstone]:
    return events if isinstance(events, list) else [events]


def _luck(seed: str, handler: str, event: Event | Tombstone) -> tuple[str, int] | None:
    """The name and the lot of an event that is unlucky in this handler, the same in every process and attempt."""
    name = f"{seed}/{handler}/{type(event).__name__}/{event.model_dump_json()}"
    lot = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return (name, lot // ONE_IN) if lot % ONE_IN == 0 else None
