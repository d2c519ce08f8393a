"""Why something happens: one correlation id runs from the first cause through all that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

import structlog

from shared.messaging.ids import new_id


class Cause(NamedTuple):
    correlation_id: UUID
    causation_id: UUID | None = None


_current: ContextVar[Cause | None] = ContextVar("tuntas_cause", default=None)


def current_cause() -> Cause:
    """The cause in whose course the caller runs; a new one where nothing has begun yet."""
    return _current.get() or Cause(new_id())


@contextmanager
def correlation(correlation_id: UUID, causation_id: UUID | None = None) -> Iterator[None]:
    """Go on under an earlier correlation id, e.g. that of the graduation whose place is offered now."""
    token = _current.set(Cause(correlation_id, causation_id))
    bound = structlog.contextvars.bind_contextvars(correlation_id=str(correlation_id))
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**bound)
        _current.reset(token)


@contextmanager
def in_course_of(cause: Cause | None) -> Iterator[None]:
    """What is announced in the block belongs to this cause; without one, to the cause that holds anyway."""
    if cause is None:
        yield
        return
    token = _current.set(cause)
    try:
        yield
    finally:
        _current.reset(token)
