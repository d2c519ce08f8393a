"""Writing behind: nobody waits for it, whatever follows comes after it, and a refusal is what the caller sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.bulk import COPIED_MIN
from shared.driver import Driver, driver_in_transaction, read_rows
from shared.messaging import Session, insert_rows
from shared.messaging.failures import is_infrastructure
from shared.messaging.writing_behind import BEHIND_MIN, Write, write, writing_behind
from tests.fixtures import eventually
from tests.fixtures.deployments import TestDeployment
from tests.shared.messaging.city import WAITING_FOR_A_LOCK, effects, waits_for_a_lock

Asks = Callable[[Session], Awaitable[int]]


def saying(word: str) -> Write:
    async def send(driver: Driver) -> None:
        await driver.execute("insert into test_effect (what) values ($1)", word)

    return send


async def refused(driver: Driver) -> None:
    await driver.execute("insert into test_effect (what) values ((1 / 0)::text)")


async def said(city: TestDeployment) -> list[str]:
    return [row.what for row in await city.fetch("select what from test_effect order by ctid")]


async def by_sqlalchemy(session: Session) -> int:
    return int((await session.execute(text("select count(*) from test_effect"))).scalar_one())


async def by_the_driver(session: Session) -> int:
    return int(await (await driver_in_transaction(session)).fetchval("select count(*) from test_effect"))


async def by_reading(session: Session) -> int:
    [[count]] = await read_rows(session, "select count(*) from test_effect")
    return int(count)


@asynccontextmanager
async def asking_while_it_is_locked(city: TestDeployment) -> AsyncIterator[tuple[asyncio.Task[None], Session]]:
    """One who writes behind and then asks, while the table is locked by the session that is yielded."""

    async def write_and_ask() -> None:
        async with city.session() as session, writing_behind(session, BEHIND_MIN):
            await write(session, saying("a"))
            await by_sqlalchemy(session)

    async with city.session() as other:
        await other.execute(text("lock table test_effect in access exclusive mode"))
        writing = asyncio.create_task(write_and_ask())
        await eventually(lambda: waits_for_a_lock(city))
        yield writing, other


@pytest.mark.parametrize("asks", [by_sqlalchemy, by_the_driver, by_reading])
async def test_whatever_is_sent_next_sees_what_was_written(city: TestDeployment, asks: Asks) -> None:
    async with city.session() as session:
        async with writing_behind(session, BEHIND_MIN):
            for word in ("a", "b", "c"):
                await write(session, saying(word))
            assert await asks(session) == 3
            await write(session, saying("d"))
        await session.commit()
    assert await said(city) == ["a", "b", "c", "d"]


async def test_nobody_waits_for_it_but_who_ends_the_block(city: TestDeployment) -> None:
    async with city.session() as other, city.session() as session:
        await other.execute(text("lock table test_effect in access exclusive mode"))
        going_on = asyncio.Event()

        async def write_both() -> None:
            async with writing_behind(session, BEHIND_MIN):
                await write(session, saying("a"))
                await write(session, saying("b"))
                going_on.set()
            await session.commit()

        writing = asyncio.create_task(write_both())
        await going_on.wait()
        await eventually(lambda: waits_for_a_lock(city))
        assert not writing.done()
        await other.rollback()
        await writing
    assert await said(city) == ["a", "b"]


async def test_of_few_records_it_is_written_at_once(city: TestDeployment) -> None:
    async with city.session() as session, writing_behind(session, BEHIND_MIN - 1):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await write(session, refused)


async def test_a_refusal_is_raised_where_the_block_ends(city: TestDeployment) -> None:
    async def write_both(session: Session) -> None:
        async with writing_behind(session, BEHIND_MIN):
            await write(session, refused)
            await write(session, saying("never sent"))

    async with city.session() as session:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await write_both(session)
    assert await said(city) == []


@pytest.mark.parametrize("asks", [by_sqlalchemy, by_the_driver])
async def test_a_refusal_counts_and_not_what_came_of_it(city: TestDeployment, asks: Asks) -> None:
    async def go_on(session: Session) -> None:
        async with writing_behind(session, BEHIND_MIN):
            await write(session, refused)
            # The transaction is aborted: that is all that SQLAlchemy is told.
            with pytest.raises((DBAPIError, asyncpg.DivisionByZeroError)):
                await asks(session)
            await write(session, saying("refused at once"))

    async with city.session() as session:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await go_on(session)


async def test_of_a_block_that_fails_nothing_more_is_sent(city: TestDeployment) -> None:
    async with city.session() as other, city.session() as session:
        await other.execute(text("lock table test_effect in share mode"))

        async def fail() -> None:
            async with writing_behind(session, BEHIND_MIN):
                await write(session, saying("a"))
                await write(session, saying("never sent"))
                raise LookupError

        failing = asyncio.create_task(fail())
        await eventually(lambda: waits_for_a_lock(city))
        assert not failing.done()
        await other.rollback()
        with pytest.raises(LookupError):
            await failing
        assert await by_the_driver(session) == 1


async def test_who_is_cancelled_leaves_no_statement_under_way(city: TestDeployment) -> None:
    async with city.session() as other, city.session() as session:
        await other.execute(text("lock table test_effect in access exclusive mode"))

        async def write_it() -> None:
            async with writing_behind(session, BEHIND_MIN):
                await write(session, saying("a"))
            await session.commit()

        writing = asyncio.create_task(write_it())
        await eventually(lambda: waits_for_a_lock(city))
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # The connection serves the next statement, which ends the transaction.
        await session.rollback()
        await other.rollback()
        assert await by_sqlalchemy(session) == 0


async def test_who_is_cancelled_again_and_again_still_waits_for_the_statement_to_end(city: TestDeployment) -> None:
    async with asking_while_it_is_locked(city) as (writing, other):
        for _again in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await writing
        await other.rollback()
    assert await said(city) == []


async def test_a_time_limit_of_the_handlers_own_is_not_the_writings(city: TestDeployment) -> None:
    async with city.session() as other, city.session() as session:
        await other.execute(text("lock table test_effect in access exclusive mode"))
        async with writing_behind(session, BEHIND_MIN):
            await write(session, saying("a"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await by_the_driver(session)
            await other.rollback()
        await session.commit()
    assert await said(city) == ["a"]


async def test_a_connection_that_is_lost_meanwhile_is_no_fault_of_the_handler(city: TestDeployment) -> None:
    async with asking_while_it_is_locked(city) as (writing, other):
        await other.execute(text(f"select pg_terminate_backend(pid) {WAITING_FOR_A_LOCK}"))
        with pytest.raises(asyncpg.PostgresError) as lost:
            await writing
        assert is_infrastructure(lost.value)


@pytest.mark.parametrize("rows", [1, COPIED_MIN])
async def test_rows_are_written_as_they_were_given(city: TestDeployment, rows: int) -> None:
    given = [{"event_id": uuid4(), "what": "given"} for _ in range(rows)]
    async with city.session() as session:
        async with writing_behind(session, BEHIND_MIN):
            await write(session, saying("before"))
            await insert_rows(session, effects, given)
            given.clear()
        await session.commit()
    assert await said(city) == ["before", *["given"] * rows]


@pytest.mark.parametrize("records", [1, BEHIND_MIN])
async def test_what_a_savepoint_takes_back_is_not_written(city: TestDeployment, records: int) -> None:
    async def refuse_within(session: Session) -> None:
        async with session.begin_nested():
            await write(session, saying("taken back"))
            await write(session, refused)

    async def fail_within(session: Session) -> None:
        async with session.begin_nested():
            await write(session, saying("taken back"))
            raise LookupError

    async with city.session() as session:
        async with writing_behind(session, records):
            await write(session, saying("a"))
            with pytest.raises(asyncpg.DivisionByZeroError):
                await refuse_within(session)
            with pytest.raises(LookupError):
                await fail_within(session)
            await write(session, saying("b"))
        await session.commit()
    assert await said(city) == ["a", "b"]
