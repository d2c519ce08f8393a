"""Work while somebody else works."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Theirs = TypeVar("Theirs")
Ours = TypeVar("Ours")


async def meanwhile(theirs: Coroutine[Any, Any, Theirs], ours: Coroutine[Any, Any, Ours]) -> tuple[Theirs, Ours]:
    """What both return. Theirs begins first, and has ended when this returns or raises, however often it is cancelled.

    Raises:
        Exception: of theirs where both fail.
    """
    task = asyncio.create_task(theirs)
    try:
        # It is a statement on its way to the server, say: it begins before we do.
        await asyncio.sleep(0)
        made = await ours
    except BaseException as failed:  # noqa: BLE001 - raised again
        ours.close()
        task.cancel()
        raise await what_counts(task, failed) from None
    return await task, made


async def what_counts(task: asyncio.Task[Any], failed: BaseException) -> BaseException:
    """Once the task has ended: that somebody cancelled us, which cancels it, else its error, else ours."""
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancelled:
            failed = cancelled
            if not task.cancelling():
                task.cancel()
    error = None if task.cancelled() else task.exception()
    return error if error is not None and isinstance(failed, Exception) else failed
