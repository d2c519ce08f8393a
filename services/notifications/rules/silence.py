"""When a deployment has been silent for too long, so that its figures on the board cannot be trusted to be new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

OFFICE_OPENS, OFFICE_CLOSES = time(8), time(16)
SATURDAY = 5


def is_silent(
    last_heard_at: datetime, watched_since: datetime, now: datetime, zone: ZoneInfo, after: timedelta
) -> bool:
    """Whether nothing was heard for so long while the office was open and somebody here was listening.

    Nights and weekends are no silence. Nor is the time in which this deployment itself did not run: whoever slept
    cannot say that the others were silent.
    """
    return office_time(max(last_heard_at, watched_since), now, zone) >= after


def goes_on_watching(looked_at: datetime, now: datetime, every: timedelta) -> bool:
    """Whether the last look was recent enough for the watch to count as unbroken."""
    return now - looked_at <= 3 * every


def office_time(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """How much of a stretch of time lies in office hours, Monday to Friday, in a region's zone."""
    return sum((max(closes - opens, timedelta()) for opens, closes in _open(start, end, zone)), timedelta())


def _open(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(zone).date()
    while datetime.combine(day, time(), tzinfo=zone) < end:
        if day.weekday() < SATURDAY:
            opens = datetime.combine(day, OFFICE_OPENS, tzinfo=zone)
            closes = datetime.combine(day, OFFICE_CLOSES, tzinfo=zone)
            yield max(opens, start), min(closes, end)
        day += timedelta(days=1)
