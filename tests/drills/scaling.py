"""What a second worker of one deployment must bring, and what nobody else may notice of it: judged without a city."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.drills.scene import Size

NOBODY, ONE, TWO, AFTERWARDS = "nobody", "one worker", "two workers", "afterwards"
"""Who drains meanwhile."""
HOLDS_FIGURES: Size = "large"
"""A small drain is over in a few seconds, in some hundred looks, of which one late answer is the hundredth: it only
shows that both workers had their share and that everybody was looked at. In a huge one the workers take whatever the
machine has, and everybody notices."""
FASTER_AT_LEAST = 1.3
SHARE_AT_LEAST = 0.25
"""Of what was taken while both drained: each has half of the partitions."""
TIMES_AT_MOST = 2
P99_NOISE_MS = 100
LAG_NOISE_RECORDS = 100
LAG_MAX_NOISE_RECORDS = 250
"""A payment list of a hundred families is some two hundred records at once: whether a look falls into it is chance."""


@dataclass(frozen=True)
class Drained:
    """A stretch of the backlog, as the workers wrote it down."""

    events: int
    by_second: int
    """How many of them the second worker took."""
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Noticed:
    """What was seen of the others meanwhile; None where nobody looked."""

    reads: int
    http_p50_ms: float | None
    http_p99_ms: float | None
    lag_median: float | None
    lag_max: int | None


def wrong_drain(drained: Mapping[str, Drained], size: Size) -> Iterator[str]:
    """Why a second worker is not what an operator was promised of it."""
    missing = [name for name in (ONE, TWO) if name not in drained or not drained[name].per_second]
    if missing:
        yield f"Nothing was seen to be drained by {' and '.join(missing)}."
        return
    one, two = drained[ONE], drained[TWO]
    for whose, events in (("first", two.events - two.by_second), ("second", two.by_second)):
        if events < SHARE_AT_LEAST * two.events:
            yield f"The {whose} worker took {events} of {two.events} events while both drained."
    if size == HOLDS_FIGURES and two.per_second < FASTER_AT_LEAST * one.per_second:
        yield f"Two workers drained {two.per_second:.0f} events a second, one of them {one.per_second:.0f}."


def wrong_looks(noticed: Mapping[str, Noticed], size: Size) -> Iterator[str]:
    """Why it cannot be said that the others noticed nothing: they did, or nobody looked."""
    unseen = [
        name
        for name in (NOBODY, ONE, TWO, AFTERWARDS)
        if (seen := noticed.get(name)) is None or seen.http_p99_ms is None or seen.lag_max is None
    ]
    if unseen:
        yield f"Nobody looked at the others: {', '.join(unseen)}."
    elif size == HOLDS_FIGURES:
        for before in (NOBODY, ONE):
            yield from _worse(noticed[before], noticed[TWO], f"with two workers, and with {before}")


def _worse(before: Noticed, now: Noticed, when: str) -> Iterator[str]:
    figures = (
        ("The others' reads took ms", before.http_p99_ms, now.http_p99_ms, P99_NOISE_MS),
        ("The others were records behind, mostly", before.lag_median, now.lag_median, LAG_NOISE_RECORDS),
        ("The others were records behind, at most", before.lag_max, now.lag_max, LAG_MAX_NOISE_RECORDS),
    )
    for what, earlier, later, noise in figures:
        if earlier is None or later is None or later > TIMES_AT_MOST * earlier + noise:
            yield f"{what}: {later} {when} {earlier}."
