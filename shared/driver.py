"""The driver under a session: for the few statements that are made so often that their way through SQLAlchemy counts.

What goes this way is in the session's transaction like everything else. A refusal is raised as asyncpg's own error,
which the kernel tells apart like SQLAlchemy's. JSON comes as values and goes as text.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, TypeAlias

import asyncpg
from sqlalchemy import PoolProxiedConnection, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import SessionTransaction
from sqlmodel.ext.asyncio.session import AsyncSession as Session

Driver: TypeAlias = "asyncpg.Connection[Any]"
_Connected: TypeAlias = tuple[AsyncConnection, Driver]


class HonestConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose commit is one. Of a transaction in which a statement was refused, PostgreSQL makes a rollback
    when it is asked to commit, and calls that a success: whoever swallowed the refusal would never know.

    Raises:
        asyncpg.InFailedSQLTransactionError: by ``execute``, where a commit has kept nothing.
    """

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109 - asyncpg's
        told: str = await super().execute(query, *args, timeout=timeout)
        if told == "ROLLBACK" and query.upper().startswith("COMMIT"):
            raise asyncpg.InFailedSQLTransactionError(
                "nothing was kept: a statement before the commit had been refused"
            )
        return told


async def read_rows(session: Session, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """What a statement that writes nothing finds. It begins no transaction where none has begun."""
    _, driver = await _connected(session)
    found: list[asyncpg.Record] = await driver.fetch(statement, *arguments)
    return found


async def driver_in_transaction(session: Session) -> Driver:
    """The session's connection, its transaction begun on the server as SQLAlchemy does with its own first statement.

    What the session holds unflushed is not written first. It is good for the next statement and not for later: what the
    session writes meanwhile may still be under way then.
    """
    connection, driver = await _connected(session)
    if not driver.is_in_transaction():
        await _begin(connection, driver)
    return driver


class Behind(Protocol):
    """What a session has to write still, in its ``info`` under ``BEHIND``."""

    async def all_written(self) -> None: ...


BEHIND: Final = "behind"


async def lock_of_statements(session: Session) -> asyncio.Lock:
    """What SQLAlchemy holds while it sends a statement by this session's connection. Whoever has it, goes first."""
    connection, _ = await _connected(session)
    adapted: Any = (await _raw(connection)).dbapi_connection
    lock: asyncio.Lock = adapted._execute_mutex
    return lock


async def _begin(connection: AsyncConnection, driver: Driver) -> None:
    """Begin as SQLAlchemy would with its next statement, which knows of it then. One way to the server less."""
    adapted: Any = (await _raw(connection)).dbapi_connection
    try:
        await adapted._start_transaction()
    except Exception as error:
        if driver.is_closed():
            # Of a connection that is gone SQLAlchemy is to hear itself: it renews all of its pool.
            await connection.execute(text("select 1"))
        await connection.invalidate(error)
        if error.__cause__ is not None:
            # asyncpg's own word, of which the adapter has made one of neither's.
            raise error.__cause__ from None
        raise
    except BaseException:
        # Nobody may get a connection of which nobody knows whether it is in a transaction.
        await connection.invalidate()
        raise


async def _connected(session: Session) -> _Connected:
    behind: Behind | None = session.info.get(BEHIND)
    if behind is not None:
        await behind.all_written()
    transaction = _innermost(session)
    found: tuple[SessionTransaction, _Connected] | None = session.info.get(_FOUND)
    if found is not None and found[0] is transaction and transaction.is_active:
        return found[1]
    connection = await session.connection()
    driver: Driver | None = (await _raw(connection)).driver_connection
    if driver is None:
        raise RuntimeError("the session's connection is gone")
    # Remembered with its transaction: after that one, the session may have another connection. SQLAlchemy begins a
    # savepoint where its connection is asked for, so that the one outside must not be remembered within.
    session.info[_FOUND] = _innermost(session), (connection, driver)
    return connection, driver


def _innermost(session: Session) -> SessionTransaction | None:
    return session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()


async def _raw(connection: AsyncConnection) -> PoolProxiedConnection:
    """What is under a connection; asked for where it has to be opened anew, which SQLAlchemy always reckons with."""
    opened = connection.sync_connection
    return await connection.get_raw_connection() if opened is None or opened.invalidated else opened.connection


_FOUND: Final = "driver"
