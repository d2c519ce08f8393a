"""Every contract by its type. Whoever adds an event class to an announcer's file finds it here without more ado."""

from __future__ import annotations

from types import ModuleType

from shared.events import intake, notifications, programs, verification
from shared.events.envelope import Event


def _events_of(module: ModuleType) -> list[type[Event]]:
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Event)
        and each.__module__ == module.__name__
        and "example" in vars(each)
    ]


CONTRACTS: dict[str, type[Event]] = {
    event.full_type(): event
    for module in (intake, verification, programs, notifications)
    for event in _events_of(module)
}
"""Full CloudEvents type → class, in the order of the files."""

_KNOWN_NAMES = {name.rsplit(".v", 1)[0] for name in CONTRACTS}


def event_class(full_type: str) -> type[Event] | None:
    """The class of a CloudEvents type, or None where this release knows no such type."""
    return CONTRACTS.get(full_type)


def is_newer_version_of_known(full_type: str) -> bool:
    """Whether a type is a later version of a contract known here.

    Such an event is announced beside its older version for a window, so a reader that does not know it
    yet loses nothing by passing over it; a type whose very name is unknown is parked instead.
    """
    name, _, version = full_type.rpartition(".v")
    return full_type not in CONTRACTS and name in _KNOWN_NAMES and version.isdigit()
