"""Watch over tasks that nobody awaits: libraries that start them seldom say when one of them is no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
LOOKS_MAX = 12


class PartEnded(Exception):
    """A task has ended without which nothing moves, or everything stands still, and nobody was told."""


async def watch(tasks: Mapping[str, asyncio.Task[Any]], halt: asyncio.Event, rounds: Callable[[], int | None]) -> None:
    """Return when ``halt`` is set.

    Args:
        rounds: how often the work has come round; None while it is something that may take as long as it likes.

    Raises:
        PartEnded: a task has ended; its error is the cause. Or no round was completed for a minute.
    """
    halted = asyncio.create_task(halt.wait())
    try:
        # Looks are counted, and not seconds: a process that was stopped for a while has missed nothing.
        looks, seen = 0, rounds()
        while looks < LOOKS_MAX:
            await asyncio.wait({halted, *tasks.values()}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if halted.done():
                return
            _raise_what_ended(tasks)
            now = rounds()
            looks = 0 if now is None or now != seen else looks + 1
            seen = now
    finally:
        halted.cancel()
    log.error("watch.stands-still", seconds=LOOK_SECONDS * LOOKS_MAX)
    raise PartEnded("stands still")


def _raise_what_ended(tasks: Mapping[str, asyncio.Task[Any]]) -> None:
    for name, task in tasks.items():
        if task.done():
            error = None if task.cancelled() else task.exception()
            log.error("watch.part-ended", part=name, error=error and type(error).__name__)
            raise PartEnded(f"{name} has ended") from error
