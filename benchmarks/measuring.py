"""How a benchmark measures: ours and its reference by turns, the median of the rounds, CPU beside the clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of one side took."""

    operations: int
    seconds: float
    cpu_seconds: float = 0.0
    """Of the process or processes of that side; PostgreSQL and Kafka are not counted, both sides use them alike."""

    @property
    def per_second(self) -> float:
        return self.operations / self.seconds

    @property
    def cpu_us_per_operation(self) -> float:
        return self.cpu_seconds * 1e6 / self.operations


@dataclass(slots=True)
class Stopwatch:
    """Clock and CPU of this process, and of others by their ids, from the start of a block to its end."""

    pids: Sequence[int] = ()
    """Without any, this process is what is measured."""
    beside: Sequence[int] = ()
    """Processes that work for this one, counted with it."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    _began: tuple[float, float] = (0.0, 0.0)

    def __enter__(self) -> Stopwatch:
        self._began = (time.perf_counter(), self._cpu())
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began[0]
        self.cpu_seconds = self._cpu() - self._began[1]

    def sample(self, operations: int) -> Sample:
        return Sample(operations, self.seconds, self.cpu_seconds)

    def _cpu(self) -> float:
        used = [psutil.Process(pid).cpu_times() for pid in self.pids or self.beside]
        own = 0.0 if self.pids else time.process_time()
        return own + sum(each.user + each.system for each in used)


@dataclass(frozen=True)
class Result:
    """One line of the report. ``ours`` and ``reference`` are medians in ``unit``; for times, less is better."""

    name: str
    ours: float
    reference: float | None
    unit: str
    ratio: float
    goal: str
    met: bool | None
    """None where there is no goal."""
    cpu_us_per_op: float | None
    payload_bytes: int | None
    """Of the events that an operation writes, sends or hears: their payloads as announced, without keys, headers and
    rows. None where an operation announces nothing, or where operations differ."""
    connections: int
    """Of ours: to the database; of clients, where the notes say so."""
    reference_connections: int | None = None
    """Of the reference, to the database; None where it has none."""
    fsync: bool | None = None
    """As the server said after the run; None until it was asked."""
    synchronous_commit: str | None = None
    """As the server said: what holds for both sides, where the notes do not tell of one that asked for another."""
    rounds: dict[str, list[float]] = field(default_factory=dict)
    """Every round's figure, so that the spread can be seen."""
    notes: dict[str, float | int | str] = field(default_factory=dict)
    """What else was measured in the same run, e.g. a raw producer."""


Side = Callable[[int], Awaitable[Sample]]
"""One side of a benchmark: does the round of this number."""


async def by_turns(rounds: int, *sides: Side) -> list[list[Sample]]:
    """All sides take turns, and who begins changes too, so that a slow minute of the machine hits all of them.

    Returns:
        The rounds of each side, in the order in which the sides are given.
    """
    done: list[list[Sample]] = [[] for _ in sides]
    for number in range(rounds):
        for place in range(len(sides)):
            side = (number + place) % len(sides)
            done[side].append(await sides[side](number))
    return done


def rates(
    name: str,
    ours: Sequence[Sample],
    reference: Sequence[Sample],
    *,
    unit: str,
    at_least: float,
    payload_bytes: int | None,
    connections: int,
    reference_connections: int,
    notes: dict[str, float | int | str] | None = None,
) -> Result:
    """A result of rates per second: the ratio of the medians, and whether it reaches the goal."""
    mine = statistics.median(each.per_second for each in ours)
    theirs = statistics.median(each.per_second for each in reference)
    return Result(
        name=name,
        ours=round(mine, 1),
        reference=round(theirs, 1),
        unit=unit,
        ratio=round(mine / theirs, 3),
        goal=f">= {at_least:.2f}",
        met=mine / theirs >= at_least,
        cpu_us_per_op=middle_cpu_us(ours),
        payload_bytes=payload_bytes,
        connections=connections,
        reference_connections=reference_connections,
        rounds={
            "ours": [round(each.per_second, 1) for each in ours],
            "reference": [round(each.per_second, 1) for each in reference],
        },
        notes=notes or {},
    )


def middle_cpu_us(rounds: Sequence[Sample]) -> float:
    """The median of what an operation cost one side. Both sides of a comparison are told by it."""
    return round(statistics.median(each.cpu_us_per_operation for each in rounds), 1)


def middle_rate(rounds: Sequence[Sample]) -> float:
    """The median of a side's operations per second."""
    return round(statistics.median(each.per_second for each in rounds), 1)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie: the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
