"""Every figure the kernel shows, named and explained in one place. Labels are codes, never people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

# Their long fractions look like id numbers to whoever sweeps for some, and nobody reads them.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass
class HeardMetrics:
    """What a worker heard."""

    registry: CollectorRegistry
    handled: Counter = field(init=False)
    repeated: Counter = field(init=False)
    parked: Counter = field(init=False)
    lag: Gauge = field(init=False)
    age: Gauge = field(init=False)

    def __post_init__(self) -> None:
        self.handled = Counter("tuntas_heard", "Records handled", registry=self.registry)
        self.repeated = Counter("tuntas_repeated", "Records passed over because heard before", registry=self.registry)
        self.parked = Counter("tuntas_parked", "Records parked, by reason", ["reason"], registry=self.registry)
        self.lag = Gauge("tuntas_lag_records", "Records not heard yet, over all partitions", registry=self.registry)
        self.age = Gauge("tuntas_poll_age_seconds", "Time since the consumer last polled", registry=self.registry)

    def count(self, *, handled: int, parked: Sequence[str], of: int) -> None:
        self.handled.inc(handled)
        self.repeated.inc(of - handled - len(parked))
        for reason in parked:
            self.parked.labels(reason).inc()


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
