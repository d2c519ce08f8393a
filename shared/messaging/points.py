"""The named points on the way of an event at which a process may die. In production nobody listens here.

Drills listen: they kill the process, or raise, at a chosen point, and the rest of the system shows that nothing is
lost and nothing done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "after-read",
    "before-database-commit",
    "after-database-commit",
    "before-publish",
    "after-publish",
    "before-offset-commit",
    "after-offset-commit",
]
"""``after-publish`` lies between Kafka's acknowledgement and the commit of the outbox's deletion."""

_listener: Callable[[Point], None] | None = None


def listen(listener: Callable[[Point], None] | None) -> None:
    """Call a function of this process at every point from now on; None ends it."""
    global _listener
    _listener = listener


def reached(point: Point) -> None:
    """The way of an event has come to a point."""
    if _listener is not None:
        _listener(point)
