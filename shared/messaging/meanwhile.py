"""Work while somebody else works."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Theirs = TypeVar("Theirs")
Ours = TypeVar("Ours")


async def meanwhile(theirs: Coroutine[Any, Any, Theirs], ours: Coroutine[Any, Any, Ours]) -> tuple[Theirs, Ours]:
    """What both return. Theirs begins first, and has ended when this returns or raises, whatever happens to ours."""
    task = asyncio.create_task(theirs)
    try:
        # It is a statement on its way to the server, say: it begins before we do.
        await asyncio.sleep(0)
        made = await ours
    except BaseException:
        task.cancel()
        await asyncio.wait([task])
        raise
    return await task, made
