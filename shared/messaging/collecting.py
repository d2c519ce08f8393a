"""When Python looks for cycles: seldom, where records and requests by the hundred come and go and leave few behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

OBJECTS_TOGETHER = 200_000
"""So many more objects than were freed make Python look. Two batches of 500 records in memory are some 50,000."""

LOOKS_PER_GENERATION = (2, 2)
"""What outlives two looks is looked at again soon: a request that was refused may leave a cycle with what it held."""

YOUNGEST_EVERY_SECONDS = 0.05
YOUNG_EVERY_LOOKS = 20
"""A small process reaches so many objects after minutes. Until then the cycles that sessions and time limits leave
behind would make it grow: by 20 MB in ten minutes. Everybody waits for a look, and a look costs as much as was made
since the last one: so the youngest are looked at often, and now and then, once more, those that were in use then."""

FEW_OBJECTS = 20_000
"""Of more than so many at once nearly all are a batch's, and go with it: they are looked at with the young."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Within the block what was there before is never looked at, and the rest after ever so many new objects.

    What is read of records, and made for them, is freed as soon as it is used. By default Python looks at it after
    every 700 objects nevertheless, and now and then at all that a process has imported: a third of a consumer's time.
    """
    global _within
    before = gc.get_threshold()
    if not _within:
        gc.freeze()
        gc.set_threshold(OBJECTS_TOGETHER, *LOOKS_PER_GENERATION)
    _within += 1
    try:
        yield
    finally:
        _within -= 1
        if not _within:
            gc.set_threshold(*before)
            gc.unfreeze()


@asynccontextmanager
async def collecting_the_young() -> AsyncIterator[None]:
    """Within the block the objects of the last seconds are looked at, whatever their number."""

    async def collect_on() -> None:
        for look in count(1):
            await asyncio.sleep(YOUNGEST_EVERY_SECONDS)
            if look % YOUNG_EVERY_LOOKS == 0:
                gc.collect(1)
            elif gc.get_count()[0] <= FEW_OBJECTS:
                gc.collect(0)

    collecting = asyncio.create_task(collect_on())
    try:
        yield
    finally:
        collecting.cancel()


_within = 0
"""So many blocks are open: a server and its consumer may both ask."""
