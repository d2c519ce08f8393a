"""Which function of a service hears which event. Handlers know nothing of offsets, retries or duplicates."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from shared.events.envelope import Event, ServiceName

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[None]])


@dataclass(frozen=True, slots=True)
class Hearer:
    """A function that hears one type of event."""

    function: Callable[..., Awaitable[None]]
    event: type[Event]
    batch: bool
    wants_fact: bool
    projects: bool

    @property
    def name(self) -> str:
        return f"{self.function.__module__}.{self.function.__name__}"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that fell due."""

    kind: str
    key: str
    at: datetime
    correlation_id: UUID


@dataclass
class EventRouter:
    """The events a service hears. ``project`` fills read tables and is replayed; ``on`` acts and never is."""

    service: ServiceName
    projections: dict[type[Event], list[Hearer]] = field(default_factory=dict)
    reactions: dict[type[Event], list[Hearer]] = field(default_factory=dict)

    def on(self, event: type[Event], *, batch: bool = False) -> Callable[[Handler], Handler]:
        """React to an event: write, announce, schedule. Never called for the past, nor in a rebuild."""
        return self._register(event, self.reactions, batch=batch, projects=False)

    def project(self, event: type[Event], *, batch: bool = False) -> Callable[[Handler], Handler]:
        """Fold an event into read tables, independent of order, so that a rebuild gives the same bytes.

        For a profile event the function also receives ``Tombstone`` when a profile was erased.
        """
        return self._register(event, self.projections, batch=batch, projects=True)

    def heard_services(self) -> set[str]:
        """The services at least one of whose events is heard here."""
        return {event.announcer for event in (*self.projections, *self.reactions)}

    def hears(self, event: type[Event]) -> bool:
        """Whether a function waits for events of a type."""
        return event in self.projections or event in self.reactions

    def _register(
        self, event: type[Event], table: dict[type[Event], list[Hearer]], *, batch: bool, projects: bool
    ) -> Callable[[Handler], Handler]:
        def register(function: Handler) -> Handler:
            parameters = list(inspect.signature(function).parameters)
            table.setdefault(event, []).append(Hearer(function, event, batch, len(parameters) > 2, projects))
            return function

        return register


@dataclass
class TimerRouter:
    """What a service does when something falls due."""

    service: ServiceName
    kinds: dict[str, Callable[..., Awaitable[None]]] = field(default_factory=dict)

    def due(self, kind: str) -> Callable[[Handler], Handler]:
        """Handle one kind of due row in its own transaction. Long work does one chunk and schedules itself again."""

        def register(function: Handler) -> Handler:
            if kind in self.kinds:
                raise ValueError(f"{kind} is handled by {self.kinds[kind].__name__} already")
            self.kinds[kind] = function
            return function

        return register


def arguments(hearer: Hearer, event: Any, session: Any, fact: Any) -> tuple[Any, ...]:
    return (event, session, fact) if hearer.wants_fact else (event, session)
