"""The driver under a session: for the few statements that are made so often that their way through SQLAlchemy counts.

What goes this way is in the session's transaction like everything else. A refusal is raised as asyncpg's own error,
which the kernel tells apart like SQLAlchemy's. JSON comes as values and goes as text.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy import text
from sqlalchemy.orm import SessionTransaction
from sqlmodel.ext.asyncio.session import AsyncSession as Session

Driver: TypeAlias = "asyncpg.Connection[Any]"


async def read_rows(session: Session, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    """What a statement that writes nothing finds. It begins no transaction where none has begun."""
    driver = await _driver(session)
    found: list[asyncpg.Record] = await driver.fetch(statement, *arguments)
    return found


async def driver_in_transaction(session: Session) -> Driver:
    """The session's connection, its transaction begun on the server: SQLAlchemy begins it with the first statement.

    What the session holds unflushed is not written first.
    """
    driver = await _driver(session)
    if not driver.is_in_transaction():
        await (await session.connection()).execute(text("select 1"))
    return driver


async def _driver(session: Session) -> Driver:
    transaction = session.sync_session.get_transaction()
    found: tuple[SessionTransaction, Driver] | None = session.info.get(_FOUND)
    if found is not None and found[0] is transaction and transaction.is_active:
        return found[1]
    connection = await session.connection()
    driver: Driver | None = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise RuntimeError("the session's connection is gone")
    # Remembered with its transaction: after that one, the session may have another connection.
    session.info[_FOUND] = session.sync_session.get_transaction(), driver
    return driver


_FOUND: Final = "driver"
