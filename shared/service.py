"""What a service is made of. Each service's app.py declares one ``Service``: the screenful that says what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from sqlalchemy import MetaData, Table

from shared.events.envelope import ServiceName
from shared.messaging import EventRouter, Session, TimerRouter
from shared.settings import DeploymentSettings

if TYPE_CHECKING:
    from shared.deployment import Deployment


KINDS = ("lost", "twice", "out_of_order", "overspent_rupiah", "unexplained")
"""What reconcile can find."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that reconcile found: which kind of wrong, how often, and where to look. Ids and codes only."""

    kind: str
    """One of ``KINDS``."""
    count: int
    where: str


Check = Callable[[Session], Awaitable[list[Finding]]]
"""A service's own check for reconcile: reads its tables, returns what is wrong; empty is well."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A key about which a service's tables stand for another number of facts than it has numbers."""

    key: bytes
    done: int
    """So many facts its tables stand for."""
    numbers: int
    """So many numbers it gave out; some of them where a fact was said once more, in another version."""


Facts = Callable[[Session], Awaitable[list[Counted]]]
"""The keys of which a service's tables and its numbers disagree: reconcile counts the facts behind the numbers."""

Totals = Callable[[Session], Awaitable[dict[str, int]]]
"""Figures that several deployments know from facts, by a name they share, e.g. ``aid.disbursed_rupiah``."""


@dataclass(frozen=True)
class Service:
    """One of the four services, as code. A deployment is a service run for an agency."""

    name: ServiceName
    settings: type[DeploymentSettings]
    metadata: MetaData
    events: EventRouter
    timers: TimerRouter
    routes: Sequence[APIRouter]
    read_models: Sequence[Any] = field(default_factory=tuple)
    """Tables (or table models) that projections write: emptied and filled again by a rebuild."""
    checks: Sequence[Check] = field(default_factory=tuple)
    facts: Facts | None = None
    totals: Totals | None = None
    on_start: Callable[[Deployment], Awaitable[None]] | None = None
    """Runs once, beside the loops, e.g. to schedule what a timer repeats; again until it succeeds. Must be idempotent:
    every process runs it."""

    def read_tables(self) -> list[Table]:
        """The read tables, in the order of their dependence."""
        chosen = {getattr(each, "__table__", each) for each in self.read_models}
        return [table for table in self.metadata.sorted_tables if table in chosen]
