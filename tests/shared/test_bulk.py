"""COPY of rows in a session's transaction: there with the commit, gone with a rollback, checked like an INSERT."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import CheckConstraint, Column, Integer, LargeBinary, MetaData, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bulk import copy_rows
from tests.fixtures import DatabaseFactory

THING = Table(
    "thing",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("said", JSONB, nullable=False, server_default="[]"),
    Column("words", ARRAY(LargeBinary)),
    Column("note", Text),
    Column("state", Text, nullable=False, server_default="new"),
    Column("count", Integer),
    CheckConstraint("count > 0"),
)
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def sessions(database: DatabaseFactory) -> Sessions:
    empty = await database("intake", migrated=False)
    async with empty.engine.begin() as connection:
        await connection.run_sync(THING.metadata.create_all)
    return async_sessionmaker(empty.engine, class_=AsyncSession, expire_on_commit=False)


def _rows(count: int = 3) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        yield {
            "id": uuid4(), "said": {"n": [number, None]}, "words": [b"\0", b""], "note": 'a\t"\\', "count": number,
        }  # fmt: skip


async def test_rows_read_back_as_they_were_given(sessions: Sessions) -> None:
    rows = list(_rows())
    async with sessions() as session, session.begin():
        await copy_rows(session, THING, rows)
        await copy_rows(session, THING, [])
    async with sessions() as session:
        found = [row._asdict() for row in await session.execute(select(THING).order_by(THING.c.count))]
    assert found == [{**row, "state": "new"} for row in rows]


async def test_a_rollback_takes_the_rows_away_also_as_the_first_statement(sessions: Sessions) -> None:
    async with sessions() as session:
        await copy_rows(session, THING, list(_rows()))
        assert len((await session.execute(select(THING))).all()) == 3
        await session.rollback()
        assert (await session.execute(select(THING))).all() == []


async def test_one_row_that_breaks_a_constraint_refuses_all(sessions: Sessions) -> None:
    rows = [*_rows(), next(_rows(1)) | {"count": 0}]
    with pytest.raises(asyncpg.CheckViolationError):
        async with sessions() as session, session.begin():
            await copy_rows(session, THING, rows)
    async with sessions() as session:
        assert (await session.execute(select(THING))).all() == []


async def test_a_session_goes_on_after_a_refusal(sessions: Sessions) -> None:
    async with sessions() as session:
        with pytest.raises(asyncpg.CheckViolationError):
            await copy_rows(session, THING, [next(_rows(1)) | {"count": 0}])
        await session.rollback()
        await copy_rows(session, THING, list(_rows()))
        await session.commit()
        assert len((await session.execute(select(THING))).all()) == 3
