"""Writing behind: PostgreSQL writes while a handler goes on with what it makes of records by the hundred."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import BEHIND, Driver, driver_in_transaction, lock_of_statements
from shared.messaging.meanwhile import what_counts

BEHIND_MIN = 64
"""So many records at least. Of fewer there is nothing to do that would take as long as writing."""

Write = Callable[[Driver], Awaitable[Any]]
"""Sends one statement that says nothing."""


async def write(session: Session, statement: Write) -> None:
    """Have something written: at once, or within ``writing_behind`` after what is being written.

    Whatever the session sends next comes after it, and sees it. A refusal is raised here, by what is sent next or, at
    the latest, where the block ends; in a savepoint here, where it may be caught. What waits in the session is not
    written first.
    """
    behind: _Behind | None = session.info.get(BEHIND)
    if behind is None or session.in_nested_transaction():
        await statement(await driver_in_transaction(session))
    else:
        await behind.add(statement)


@asynccontextmanager
async def writing_behind(session: Session, records: int) -> AsyncIterator[None]:
    """A block whose ``write`` waits for nothing, where it has to do with many records. At its end all is written.

    Raises:
        Exception: what PostgreSQL refused, also where the block raises, which may come of it.
    """
    if records < BEHIND_MIN:
        yield
        return
    behind = _Behind(await driver_in_transaction(session), await lock_of_statements(session))
    session.info[BEHIND] = behind
    try:
        yield
        await behind.all_written()
    except BaseException as failed:
        counts = await behind.give_up(failed)
        if counts is failed:
            raise
        raise counts from None
    finally:
        del session.info[BEHIND]


class _Behind:
    """Statements that are sent one after the other, while no other statement of their session is."""

    def __init__(self, driver: Driver, lock: asyncio.Lock) -> None:
        self._driver, self._lock = driver, lock
        self._waiting = deque[Write]()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, statement: Write) -> None:
        self._waiting.append(statement)
        if self._writing is not None and not self._writing.done():
            return
        await self.all_written()
        self._writing = asyncio.create_task(self._write())
        # The statement is on its way to the server before whoever added it goes on.
        await asyncio.sleep(0)

    async def all_written(self) -> None:
        """Until nothing waits. Raises what was refused, however often it is asked."""
        if self._writing is not None:
            # Whoever asks may have a time limit of its own, and go on.
            await asyncio.shield(self._writing)

    async def give_up(self, failed: BaseException) -> BaseException:
        """Send no more. Returns, once nothing is under way, what counts: what was refused, or why it was given up."""
        self._waiting.clear()
        if self._writing is None:
            return failed
        if isinstance(failed, asyncio.CancelledError):
            self._writing.cancel()
        return await what_counts(self._writing, failed)

    async def _write(self) -> None:
        async with self._lock:
            while self._waiting:
                await self._waiting.popleft()(self._driver)
