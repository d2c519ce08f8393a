"""Every figure the kernel shows, named and explained in one place. Labels are codes, never people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# Their long fractions look like id numbers to whoever sweeps for some, and nobody reads them.
disable_created_metrics()  # type: ignore[no-untyped-call]
_TICKS_PER_SECOND = 256
"""A sum of 256ths has eight decimals at most: nine that begin with 08 would look like a telephone number."""


def in_ticks(seconds: float) -> float:
    """Rounded to a fraction of a second that adds up without long fractions: to four milliseconds."""
    return round(seconds * _TICKS_PER_SECOND) / _TICKS_PER_SECOND


@dataclass
class HeardMetrics:
    """What a worker heard."""

    registry: CollectorRegistry
    handled: Counter = field(init=False)
    repeated: Counter = field(init=False)
    parked: Counter = field(init=False)
    lag: Gauge = field(init=False)
    age: Gauge = field(init=False)
    delay: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.handled = Counter("tuntas_heard", "Records handled", registry=self.registry)
        self.repeated = Counter("tuntas_repeated", "Records passed over because heard before", registry=self.registry)
        self.parked = Counter("tuntas_parked", "Records parked, by reason", ["reason"], registry=self.registry)
        self.lag = Gauge("tuntas_lag_records", "Records not heard yet, over all partitions", registry=self.registry)
        self.age = Gauge("tuntas_poll_age_seconds", "Time since the consumer last polled", registry=self.registry)
        self.delay = Histogram(
            "tuntas_heard_delay_seconds",
            "From a relay's hand-over to Kafka until our commit: the oldest record of each batch",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3_600),
            registry=self.registry,
        )

    def count(self, *, handled: int, parked: Sequence[str], of: int) -> None:
        self.handled.inc(handled)
        self.repeated.inc(of - handled - len(parked))
        for reason in parked:
            self.parked.labels(reason).inc()

    def heard_since(self, timestamp_ms: int) -> None:
        """A batch is committed whose oldest record bears this time of Kafka's."""
        self.delay.observe(in_ticks(max(0.0, time.time() - timestamp_ms / 1_000)))


@dataclass
class RelayMetrics:
    """What the relay moved."""

    registry: CollectorRegistry
    relayed: Counter = field(init=False)
    depth: Gauge = field(init=False)
    oldest: Gauge = field(init=False)

    def __post_init__(self) -> None:
        self.relayed = Counter("tuntas_relayed", "Events acknowledged by Kafka", registry=self.registry)
        self.depth = Gauge("tuntas_outbox_events", "Events committed and not yet relayed", registry=self.registry)
        self.oldest = Gauge(
            "tuntas_outbox_oldest_seconds", "Age of the oldest event not yet relayed", registry=self.registry
        )

    def waits(self, events: int, oldest_seconds: float | None) -> None:
        """What stands in the outbox now."""
        self.depth.set(events)
        self.oldest.set(round(oldest_seconds or 0, 3))


@dataclass
class TimerMetrics:
    """What is due and waits to be handled."""

    registry: CollectorRegistry
    waiting: Gauge = field(init=False)
    oldest: Gauge = field(init=False)

    def __post_init__(self) -> None:
        self.waiting = Gauge("tuntas_due_rows", "Timers that are due and not handled yet", registry=self.registry)
        self.oldest = Gauge("tuntas_due_oldest_seconds", "How long the oldest of them is due", registry=self.registry)


@dataclass
class HttpMetrics:
    """What a process answered. A route is its pattern, so that no id and no word of a visitor becomes a label."""

    registry: CollectorRegistry
    seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.seconds = Histogram(
            "tuntas_http_seconds",
            "Requests answered and how long that took, by route and status",
            ["method", "route", "status"],
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self.registry,
        )

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request is over. Without a route it met none of ours, and its method may be anything, too."""
        labels = (method, route, str(status)) if route is not None else ("any", "none", str(status))
        self.seconds.labels(*labels).observe(in_ticks(seconds))


def show_process(registry: CollectorRegistry, pools: dict[str, Callable[[], tuple[int, int]]]) -> None:
    """Show the CPU of this process, and its database pools: each says how many connections are in use, of how many."""
    cpu = Gauge("tuntas_cpu_seconds", "CPU that this process used since it started", registry=registry)
    cpu.set_function(lambda: round(time.process_time(), 2))
    used = Gauge("tuntas_database_connections", "Connections in use, by pool", ["pool"], registry=registry)
    most = Gauge("tuntas_database_connections_max", "Connections that a pool may use", ["pool"], registry=registry)
    for name, look in pools.items():
        used.labels(name).set_function(partial(_nth, look, 0))
        most.labels(name).set_function(partial(_nth, look, 1))


def _nth(look: Callable[[], tuple[int, int]], place: int) -> float:
    return look()[place]
