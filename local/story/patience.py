"""Waiting for what services do in their own time, and doing many things at once without overrunning them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

POLL_S: Final = 0.25
AT_ONCE_MAX: Final = 12
"""Requests under way at a time: enough for two cores, and no service has to queue them."""


class NeverHappened(TimeoutError):
    """What the story waits for did not come within its time."""


async def until(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], what: str, *, within_s: float) -> T:
    """Look again and again until it holds; what was seen last. Raises NeverHappened with ``what`` and that value."""
    ends_at = time.monotonic() + within_s
    while not holds(seen := await look()):
        if time.monotonic() > ends_at:
            raise NeverHappened(f"{what}: not within {within_s:.0f} s, last seen {seen!r:.300}")
        await asyncio.sleep(POLL_S)
    return seen


async def each(
    things: Iterable[T],
    act: Callable[[T], Awaitable[R]],
    *,
    at_once: int = AT_ONCE_MAX,
    tick: Callable[[], None] | None = None,
) -> list[R]:
    """Act on all things, a bounded number at a time; answers in the order of the things.

    The first error ends it, as an ExceptionGroup. ``tick`` is called after each, for a progress bar.
    """
    waiting = iter(enumerate(things))
    answers: dict[int, R] = {}

    async def hand() -> None:
        for place, thing in waiting:
            answers[place] = await act(thing)
            if tick is not None:
                tick()

    async with asyncio.TaskGroup() as hands:
        for _ in range(at_once):
            hands.create_task(hand())
    return [answers[place] for place in sorted(answers)]


@asynccontextmanager
async def timed(seconds: dict[str, float], phase: str) -> AsyncIterator[None]:
    """Add the seconds of the block to a phase."""
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[phase] = round(seconds.get(phase, 0.0) + time.monotonic() - began, 3)
