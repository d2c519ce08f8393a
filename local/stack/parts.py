"""Kafka and PostgreSQL as the keeper sees them: which ones it must start, and how it starts and stops them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from local.stack.addresses import (
    KafkaAddress,
    PostgresAddress,
    StackAddresses,
    kafka_of_environment,
    postgres_of_environment,
)
from local.stack.plan import Plan

Address = TypeVar("Address", covariant=True)


class Part(Protocol[Address]):
    """A server that can be started and stopped, embedded or in a container."""

    @property
    def address(self) -> Address: ...

    @property
    def ports(self) -> list[int]:
        """Those it listens on, to be preferred at the next start."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself."""

    def launch(self) -> None:
        """Start it and return at once."""

    def wait_ready(self) -> None:
        """Return when its administrator can sign in."""

    def stop(self) -> None:
        """Shut down in order."""

    def kill(self) -> None:
        """End it at once."""

    def forget(self) -> None:
        """Remove everything it has kept."""


class Parts:
    """What a keeper has started and must stop."""

    def __init__(self, state: Path, plan: Plan, ports: dict[str, list[int]], say: Callable[[str], None]) -> None:
        self.ports = ports
        self._plan = plan
        self._addresses = (kafka_of_environment(), postgres_of_environment())
        self._kafka = None if self._addresses[0] else kafka_part(state, plan, ports.get("kafka"), say)
        self._postgres = None if self._addresses[1] else postgres_part(state, plan, ports.get("postgres"))

    def start(self) -> StackAddresses:
        """Start what the environment does not name, Kafka's JVM first, because it takes longest."""
        parts = self._named()
        for part in parts.values():
            if self._plan.fresh:
                part.forget()
            part.launch()
        for name, part in parts.items():
            part.wait_ready()
            self.ports[name] = part.ports
        kafka, postgres = self._addresses
        if self._kafka is not None:
            kafka = self._kafka.address
        if self._postgres is not None:
            postgres = self._postgres.address
        if kafka is None or postgres is None:
            raise AssertionError("each is named or started")
        return StackAddresses(kafka, postgres)

    def stop(self) -> None:
        for part in self._named().values():
            if self._plan.fresh:
                part.kill()
                part.forget()
            else:
                part.stop()

    def what_ended(self) -> str | None:
        """The name of a part that has ended by itself."""
        return next((name for name, part in self._named().items() if part.has_ended), None)

    def _named(self) -> dict[str, Part[Any]]:
        parts: dict[str, Part[Any] | None] = {"kafka": self._kafka, "postgres": self._postgres}
        return {name: part for name, part in parts.items() if part is not None}


def kafka_part(state: Path, plan: Plan, ports: list[int] | None, say: Callable[[str], None]) -> Part[KafkaAddress]:
    """A broker of our own. What the other kind needs is not imported: it need not even be installed."""
    if plan.containers:
        from local.stack.containers import ContainerKafka

        return ContainerKafka(state)
    from local.stack.jars import class_path
    from local.stack.kafka import EmbeddedKafka

    return EmbeddedKafka(state / "kafka", class_path(Path(plan.jars), say=say), ports)


def postgres_part(state: Path, plan: Plan, ports: list[int] | None) -> Part[PostgresAddress]:
    """A server of our own; see `kafka_part`."""
    if plan.containers:
        from local.stack.containers import ContainerPostgres

        return ContainerPostgres(state, forgetful=not plan.flushing)
    from local.stack.postgres import FORGETFUL, EmbeddedPostgres

    return EmbeddedPostgres(state / "postgres", ports, None if plan.flushing else FORGETFUL)
