"""A fact with its date, and how a value that follows from facts changes in the course of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from shared.events.envelope import Event

Value = TypeVar("Value")
Part = TypeVar("Part")


class Dated(NamedTuple):
    """An event as one deployment announced it."""

    event: Event
    at: datetime
    """When it was announced (aware)."""
    source: str
    agency: str
    position: int
    """Ascends per (source, key): the announcer's number, or the offset where the announcer does not number."""


class Span(NamedTuple, Generic[Value]):
    """A value that holds after ``since`` up to and including ``until``; for ever where there is no ``until``."""

    since: datetime
    until: datetime | None
    value: Value


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment after a day in a region's time zone. As of the day = facts with an earlier moment."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)


def as_of(facts: Iterable[Dated], end: datetime) -> list[Dated]:
    """The facts that were announced before a moment."""
    return [fact for fact in facts if fact.at < end]


def narrowed(spans: Sequence[Span[Value]], part_of: Callable[[Value], Part]) -> list[Span[Part]]:
    """The course of a part of a value: spans in which the part does not change become one."""
    parts: list[Span[Part]] = []
    for span in spans:
        part = part_of(span.value)
        if parts and parts[-1].value == part:
            parts[-1] = Span(parts[-1].since, span.until, part)
        else:
            parts.append(Span(span.since, span.until, part))
    return parts
