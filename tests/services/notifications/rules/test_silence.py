"""Silence is counted in office hours, and only while somebody listened."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.notifications.rules.silence import is_silent, office_time

WITA = ZoneInfo("Asia/Makassar")
HOUR = timedelta(hours=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In December 2022, whose fifth is a Monday."""
    return datetime(2022, 12, day, hour, minute, tzinfo=WITA)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (at(5, 9), at(5, 10), 1),
        (at(5, 15, 30), at(6, 8, 30), 1),
        (at(5, 18), at(6, 6), 0),
        (at(9, 15), at(12, 9), 2),
        (at(10, 0), at(11, 23), 0),
        (at(5, 0), at(12, 0), 40),
        (at(6, 9), at(5, 9), 0),
    ],
)
def test_only_office_hours_count(start: datetime, end: datetime, hours: int) -> None:
    assert office_time(start, end, WITA) == timedelta(hours=hours)


def test_silence_is_counted_from_the_last_word_or_from_when_the_watch_began() -> None:
    assert is_silent(at(5, 9), at(5, 8), at(5, 10), WITA, HOUR)
    assert not is_silent(at(5, 9), at(5, 8), at(5, 9, 59), WITA, HOUR)
    assert not is_silent(at(5, 9), at(5, 9, 30), at(5, 10), WITA, HOUR)
