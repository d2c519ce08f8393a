"""Look until something is so, and say whether it came to that: a drill that waited in vain reports it and goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.1


async def comes_true(look: Callable[[], Awaitable[bool]], *, within: float) -> bool:
    """Whether something is so within so many seconds; looked at once at least, and then again and again."""
    ends_at = time.monotonic() + within
    while not await look():
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
