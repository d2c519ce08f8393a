"""An announcer's records come late to one hearing worker, while it hears the others: so effects overtake their causes.

A resting relay cannot see to that: what follows from a fact is announced when the fact is out already, and then it is
chance who hears them in another order. A worker that is made late puts records aside as if Kafka had not handed them
over yet, each partition in order.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.events.topics import parse_topic
from shared.messaging.hearing import Hearing
from shared.messaging.reader import Reader
from shared.messaging.records import Received

HEARD, LATE = "heard", "late"


class Heard(NamedTuple):
    """A fact as one deployment heard it."""

    id: str
    announcer: str
    household: str
    announced_at: datetime
    caused_by: str | None


class Inversions(NamedTuple):
    """What one deployment heard in another order than it came about in, across announcers."""

    before_its_cause: int = 0
    """Facts heard before the fact of another announcer that they follow from."""
    overtaken: int = 0
    """Facts heard after one about the same household that another announcer announced later."""


def inversions(heard: Sequence[Heard]) -> Inversions:
    """Count them in what one deployment heard, in the order in which it did."""
    place_of = {each.id: place for place, each in enumerate(heard)}
    before_its_cause = overtaken = 0
    newest: dict[str, dict[str, datetime]] = {}
    for place, each in enumerate(heard):
        cause = place_of.get(each.caused_by or "", -1)
        before_its_cause += cause > place and heard[cause].announcer != each.announcer
        of_household = newest.setdefault(each.household, {})
        overtaken += any(
            announcer != each.announcer and at > each.announced_at for announcer, at in of_household.items()
        )
        of_household[each.announcer] = max(each.announced_at, of_household.get(each.announcer, each.announced_at))
    return Inversions(before_its_cause, overtaken)


def make_late(folder: Path, pid: int, services: Collection[str]) -> None:
    """What these services announce comes to a worker when they are not named any more."""
    (folder / LATE).mkdir(parents=True, exist_ok=True)
    unfinished, told = folder / LATE / f"{pid}.new", folder / LATE / str(pid)
    unfinished.write_text(" ".join(services), encoding="utf-8")
    unfinished.rename(told)


def heard_by(folder: Path, pid: int) -> list[Heard]:
    """What a process heard in its life, in order: each batch when it was committed."""
    path = folder / HEARD / str(pid)
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [
        Heard(ident, announcer, household, datetime.fromisoformat(at), cause)
        for ident, announcer, household, at, cause in map(orjson.loads, lines)
    ]


def hear_late(folder: Path) -> None:
    """This process writes down what it hears, and is late with the announcers that ``make_late`` names."""
    _write_down(folder)
    _put_aside(folder / LATE / str(os.getpid()))


def _write_down(folder: Path) -> None:
    (folder / HEARD).mkdir(parents=True, exist_ok=True)
    path, hear_together, judge = folder / HEARD / str(os.getpid()), Hearing._hear_together, Hearing._judge
    judged: list[Received] = []

    def noting(self: Hearing, received: Sequence[Received], marks: Any) -> Any:
        found = judge(self, received, marks)
        judged[:] = found[0]
        return found

    async def hear_and_write(self: Hearing, received: Sequence[Received]) -> None:
        await hear_together(self, received)
        lines = [
            orjson.dumps([fact.id, fact.source, fact.key.decode(), fact.time, fact.causation_id], default=str) + b"\n"
            for each in judged
            if (fact := each.fact) is not None and fact.sequence is not None
        ]
        with path.open("ab") as file:
            file.writelines(lines)

    Hearing._judge = noting  # type: ignore[method-assign]
    Hearing._hear_together = hear_and_write  # type: ignore[method-assign]


def _put_aside(told: Path) -> None:
    """Between the client and the reader: what is put aside is not read, not in hand and not committed."""
    take, drop = Reader._take, Reader._drop_what_is_ahead
    aside: dict[Any, list[Any]] = {}

    async def take_what_is_not_late(self: Reader, records_max: int, wait_ms: int) -> dict[Any, list[Any]]:
        late = told.read_text(encoding="utf-8").split() if told.exists() else []
        ready = {place: aside.pop(place) for place in list(aside) if _service(place, self) not in late}
        if ready:
            return ready
        found = await take(self, records_max, wait_ms)
        for place in [each for each in found if _service(each, self) in late]:
            aside.setdefault(place, []).extend(found.pop(place))
        return found

    def drop_that_too(self: Reader) -> dict[Any, int]:
        began = drop(self)
        for place, records in aside.items():
            began.setdefault(place, records[0].offset)
        aside.clear()
        return began

    Reader._take = take_what_is_not_late  # type: ignore[method-assign]
    Reader._drop_what_is_ahead = drop_that_too  # type: ignore[method-assign]


def _service(place: Any, reader: Reader) -> str | None:
    """Who says the facts of a topic; a profile is nobody's effect and never late."""
    root = str(reader._group_id).rsplit(".", 2)[0]
    announcer = parse_topic(place.topic, root)
    return announcer.service if announcer is not None and announcer.kind == "facts" else None
