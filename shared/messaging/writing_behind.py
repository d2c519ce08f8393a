"""Writing behind: what a session only writes, and asks nothing about, is not waited for one statement after the other.

Of few records it is sent together, as one statement: each way to PostgreSQL takes as long as what it does there. Of
many, PostgreSQL writes while a handler goes on with what it makes of them.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import BEHIND, Behind, Driver, driver_in_transaction, notes_of_connection
from shared.messaging.meanwhile import what_counts

BEHIND_MIN = 64
"""So many records are many. Of fewer there is nothing to do that would take as long as writing."""


class Write(Protocol):
    """Sends one statement that says nothing."""

    def __call__(self, driver: Driver, /) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Insert:
    """One INSERT without RETURNING, which may be sent together with others."""

    into: str
    """Names the rows: of two that name the same, the second may have to see what the first wrote."""
    statement: str
    arguments: Sequence[Any]
    rows_wrong: Callable[[int], Exception | None] | None = None
    """What is wrong with so many rows written, if it is anything; asked where that matters."""

    async def __call__(self, driver: Driver) -> None:
        told = await driver.execute(self.statement, *self.arguments)
        self.wrote(int(told.rpartition(" ")[2]))

    def wrote(self, rows: int) -> None:
        wrong = self.rows_wrong(rows) if self.rows_wrong is not None else None
        if wrong is not None:
            raise wrong


async def write(session: Session, statement: Write) -> None:
    """Have something written: at once, or within ``writing_behind`` with or after what else is to be written.

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
    """A block in which nobody waits for a ``write``. At its end all is written.

    Raises:
        Exception: what PostgreSQL refused, also where the block raises, which may come of it.
    """
    driver, notes = await driver_in_transaction(session), await notes_of_connection(session)
    session.info[BEHIND] = notes[BEHIND] = behind = _Behind(driver, beside=records >= BEHIND_MIN)
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
        notes.pop(BEHIND, None)


def write_before_statements(engine: AsyncEngine) -> None:
    """Have SQLAlchemy's statements by this engine come after what their session has to write still."""
    if not event.contains(engine.sync_engine, "before_cursor_execute", _before_a_statement):
        event.listen(engine.sync_engine, "before_cursor_execute", _before_a_statement)


def _before_a_statement(connection: Connection, *_: Any) -> None:
    behind: Behind | None = connection.info.get(BEHIND)
    if behind is not None:
        # A refusal is raised where the block ends. SQLAlchemy is to meet what came of it by itself: of a connection
        # that is gone it renews all of its pool.
        with suppress(Exception):
            await_only(behind.all_written())


class _Behind:
    """Statements that are sent while no other statement of their session is, as many together as may be.

    Args:
        driver: in a transaction.
        beside: whether they are sent when they come. Otherwise they lie until something else is to be sent.
    """

    def __init__(self, driver: Driver, *, beside: bool) -> None:
        self._driver, self._beside = driver, beside
        self._waiting = deque[Write]()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, statement: Write) -> None:
        self._waiting.append(statement)
        if not self._beside or (self._writing is not None and not self._writing.done()):
            return
        await self._raise_what_was_refused()
        self._writing = asyncio.create_task(self._write())
        # The statement is on its way to the server before whoever added it goes on.
        await asyncio.sleep(0)

    async def all_written(self) -> None:
        """Until nothing waits. Raises what was refused, however often it is asked."""
        await self._raise_what_was_refused()
        if self._waiting:
            self._writing = asyncio.create_task(self._write())
            await self._raise_what_was_refused()

    async def give_up(self, failed: BaseException) -> BaseException:
        """Send no more. Returns, once nothing is under way, what counts: what was refused, or why it was given up."""
        self._waiting.clear()
        if self._writing is None:
            return failed
        if isinstance(failed, asyncio.CancelledError):
            self._writing.cancel()
        return await what_counts(self._writing, failed)

    async def _raise_what_was_refused(self) -> None:
        """Once nothing is under way."""
        if self._writing is not None:
            # Whoever asks may have a time limit of its own, and go on.
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._waiting:
            await self._next()(self._driver)

    def _next(self) -> Write:
        """What waits longest, with those behind it that may be sent together with it."""
        together = dict[str, Insert]()
        while self._waiting and isinstance(first := self._waiting[0], Insert) and first.into not in together:
            together[first.into] = first
            self._waiting.popleft()
        if not together:
            return self._waiting.popleft()
        return next(iter(together.values())) if len(together) == 1 else partial(_send_as_one, list(together.values()))


async def _send_as_one(together: Sequence[Insert], driver: Driver) -> None:
    words = _one_statement(tuple((each.statement, each.rows_wrong is not None) for each in together))
    told = await driver.fetchrow(words, *(argument for each in together for argument in each.arguments))
    asked = (each for each in together if each.rows_wrong is not None)
    for each, rows in zip(asked, told or (), strict=True):
        each.wrote(rows)


@lru_cache(maxsize=256)
def _one_statement(parts: tuple[tuple[str, bool], ...]) -> str:
    """Several INSERTs as parts of one statement, which says how many rows those wrote that are asked."""
    taken, named, asked = 0, list[str](), list[str]()
    for place, (statement, is_asked) in enumerate(parts):
        words, taken = _with_parameters_from(statement, taken)
        named.append(f"part{place} as ({words}{' returning 1' if is_asked else ''})")
        if is_asked:
            asked.append(f"(select count(*) from part{place})")
    return f"with {', '.join(named)} select {', '.join(asked)}"


def _with_parameters_from(statement: str, taken: int) -> tuple[str, int]:
    """A statement whose parameters follow so many others, and how many there are then."""
    most = max((int(number) for number in _PARAMETER.findall(statement)), default=0)
    return _PARAMETER.sub(lambda found: f"${taken + int(found[1])}", statement), taken + most


_PARAMETER = re.compile(r"\$(\d+)")
