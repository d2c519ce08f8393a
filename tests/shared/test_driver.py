"""The driver under a session begins what SQLAlchemy ends, and leaves no connection behind that nobody knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asyncpg.transaction import Transaction
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.driver import driver_in_transaction
from shared.messaging.failures import is_infrastructure
from tests.fixtures import Database, DatabaseFactory

Sessions = async_sessionmaker[AsyncSession]
OTHERS = "from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"


@pytest.fixture
async def empty(database: DatabaseFactory) -> Database:
    made = await database("intake", migrated=False)
    async with made.engine.begin() as connection:
        await connection.execute(text("create table thing (said text)"))
    return made


@pytest.fixture
def sessions(empty: Database) -> Sessions:
    return async_sessionmaker(empty.engine, class_=AsyncSession)


async def said(empty: Database) -> list[str]:
    """What another connection reads."""
    connection = await empty.connect()
    try:
        return [row["said"] for row in await connection.fetch("select said from thing")]
    finally:
        await connection.close()


async def say(sessions: Sessions, word: str) -> None:
    async with sessions() as session:
        await (await driver_in_transaction(session)).execute("insert into thing values ($1)", word)
        await session.execute(text("insert into thing values (:said)"), {"said": word * 2})
        await session.commit()


async def test_what_both_ways_write_stands_with_the_commit_and_not_without(empty: Database, sessions: Sessions) -> None:
    await say(sessions, "a")
    async with sessions() as session:
        await (await driver_in_transaction(session)).execute("insert into thing values ('lost')")
    assert await said(empty) == ["a", "aa"]


async def test_connections_that_are_gone_are_told_as_such_and_replaced(empty: Database, sessions: Sessions) -> None:
    async with sessions() as first, sessions() as second:
        for each in (first, second):
            await driver_in_transaction(each)
    connection = await empty.connect()
    assert await connection.fetchval(f"select count(pg_terminate_backend(pid)) {OTHERS}") == 2
    await connection.close()
    with pytest.raises(Exception) as failed:  # noqa: PT011 - which one it is, is asked below
        await say(sessions, "a")
    assert is_infrastructure(failed.value)
    # The first that notices renews the whole pool.
    await asyncio.gather(say(sessions, "b"), say(sessions, "c"))
    assert sorted(await said(empty)) == ["b", "bb", "c", "cc"]


async def test_who_goes_away_while_it_begins_leaves_no_transaction_open(
    empty: Database, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, begun = Transaction.start, asyncio.Event()

    async def start_and_hang(transaction: Any) -> None:
        await start(transaction)
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "start", start_and_hang)
        going = asyncio.create_task(say(sessions, "a"))
        await begun.wait()
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
    await say(sessions, "b")
    assert await said(empty) == ["b", "bb"]
