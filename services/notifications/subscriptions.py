"""The subscriptions of subscriptions.yaml, validated: a wrong event, field, role or text fails at the start."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.notifications.people import Person
from shared.directory import is_within
from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event
from shared.security import Role
from shared.texts import catalogue

SHIPPED = Path(__file__).parent / "subscriptions.yaml"
EVENTS: dict[str, type[Event]] = {event.__name__: event for event in CONTRACTS.values() if event.kind == "facts"}
ALWAYS_THERE = frozenset({"agency", "region"})
COUNTED = frozenset({"released", "filled"})
"""What a story of places counts by itself."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Audience(_Entry):
    role: Role
    agency: Literal["own", "here", "any"]


class Subscription(_Entry):
    """Who is told of one kind of event, in which words, and what makes two events one cause."""

    event: type[Event]
    text: str
    cause: tuple[str, ...] = ()
    per: Literal["day", "week", "month"] | None = None
    to: tuple[Audience, ...] = Field(min_length=1)
    values: tuple[str, ...] = ()
    link: str
    due_days: Annotated[int, Field(ge=0, le=90)] | None = None

    @field_validator("event", mode="before")
    @classmethod
    def _known(cls, name: object) -> type[Event]:
        if not isinstance(name, str) or name not in EVENTS:
            raise ValueError(f"no event is called {name!r}")
        return EVENTS[name]

    @model_validator(mode="after")
    def _speaks_of_what_is_there(self) -> Self:
        missing = {*self.cause, *self.values} - set(self.event.model_fields)
        if missing:
            raise ValueError(f"{self.event.__name__} has no {', '.join(sorted(missing))}")
        nested = [name for name in self.values if isinstance(self.event.example.get(name), (list, dict))]
        if nested:
            raise ValueError(f"{', '.join(nested)} cannot be said in a sentence")
        for code in (self.text, f"{self.text}.do"):
            unsaid = catalogue().placeholders(code) - {*self.values, *ALWAYS_THERE, *COUNTED}
            if unsaid:
                raise ValueError(f"text {code} names {', '.join(sorted(unsaid))}, which are no values")
        return self

    def cause_of(self, event: Event, today: date) -> str:
        """Names what two events must have in common to be told once."""
        parts = [self.text.removeprefix("inbox."), *(str(getattr(event, name)) for name in self.cause)]
        return "/".join([*parts, *([_period(today, self.per)] if self.per else [])])

    def values_of(self, event: Event, agency: str) -> dict[str, Any]:
        """What the text names, as JSON."""
        said = event.model_dump(mode="json", include=set(self.values))
        return {"region": region_of(event), **said, "agency": getattr(event, "agency", agency)}

    def is_for(self, person: Person, *, agency: str, here: str, region: str) -> bool:
        """Whether a person is told of what an agency did, or what happened to it, in a region."""
        sees = any(is_within(region, subtree) for subtree in person.regions)
        chosen = {"own": person.agency == agency, "here": person.agency == here, "any": True}
        return sees and any(each.role in person.roles and chosen[each.agency] for each in self.to)


class _Document(_Entry):
    subscriptions: tuple[Subscription, ...]


def region_of(event: Event) -> str:
    """Where it happened."""
    return str(getattr(event, event.region_field))


@cache
def subscriptions(path: Path = SHIPPED) -> tuple[Subscription, ...]:
    """The subscriptions of a file. Raises ValidationError where one is wrong."""
    return _Document.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).subscriptions


def subscription_to(event: type[Event]) -> Subscription:
    """The subscription to an event of which there is exactly one."""
    found: Subscription = next(each for each in subscriptions() if each.event is event)
    return found


def _period(today: date, per: Literal["day", "week", "month"]) -> str:
    return today.strftime({"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[per])
