"""Rows by COPY or by one statement, in a session's transaction: there with the commit, checked like an INSERT."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, MetaData, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bulk import COPIED_MIN, NewRows, RowLines, copy_rows, write_rows
from shared.driver import read_rows
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
NOTE = Table(
    "thing_note",
    THING.metadata,
    Column("thing", Uuid, ForeignKey("thing.id"), primary_key=True),
    Column("said", Text),
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


async def test_lines_read_back_as_the_rows_they_were_made_of(sessions: Sessions) -> None:
    rows, lines = list(_rows()), RowLines(THING, without=("state",))
    rows[1] |= {"note": "a\\b\r\n\té\u2028", "said": {"t": "\\ \n"}, "words": [], "count": None}
    rows[2] |= {"note": "\\N", "said": [], "words": None}
    async with sessions() as session, session.begin():
        await lines.write(session, [lines.of(rows[:1]), lines.of([]), lines.of(rows[1:])])
        await lines.write(session, [])
    async with sessions() as session:
        found = {row.id: row._asdict() for row in await session.execute(select(THING))}
    assert found == {row["id"]: {**row, "state": "new"} for row in rows}


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


@pytest.mark.parametrize("count", [3, COPIED_MIN])
async def test_tables_that_refer_to_each_other_are_written_together(sessions: Sessions, count: int) -> None:
    rows = [*_rows(count - 1), next(_rows(1)) | {"said": [], "words": None, "note": None, "count": count}]
    notes = [{"thing": row["id"], "said": row["note"]} for row in rows]
    async with sessions() as session, session.begin():
        await write_rows(session, NewRows(THING, rows), NewRows(NOTE, notes), NewRows(NOTE, []))
    async with sessions() as session:
        found = [row._asdict() for row in await session.execute(select(THING).order_by(THING.c.count))]
        noted = {row.thing: row.said for row in await session.execute(select(NOTE))}
    assert found == [{**row, "state": "new"} for row in rows]
    assert noted == {row["id"]: row["note"] for row in rows}


@pytest.mark.parametrize("count", [3, COPIED_MIN])
async def test_a_row_that_stands_is_passed_over_where_that_is_asked_for_and_refused_elsewhere(
    sessions: Sessions, count: int
) -> None:
    rows = list(_rows(count))
    notes = [{"thing": row["id"], "said": "first"} for row in rows]
    async with sessions() as session, session.begin():
        await write_rows(session, NewRows(THING, rows), NewRows(NOTE, notes[1:]))
        again = [{**note, "said": "second"} for note in notes]
        await write_rows(session, NewRows(NOTE, again, where_absent=True))
    async with sessions() as session:
        said = {row.thing: row.said for row in await session.execute(select(NOTE))}
        assert said == {note["thing"]: "first" for note in notes} | {notes[0]["thing"]: "second"}
        with pytest.raises(asyncpg.UniqueViolationError):
            await write_rows(session, NewRows(NOTE, notes))


async def test_reading_by_the_driver_sees_what_the_transaction_wrote(sessions: Sessions) -> None:
    rows = list(_rows())
    async with sessions() as session:
        assert await read_rows(session, "select id from thing") == []
        await write_rows(session, NewRows(THING, rows))
        found = await read_rows(session, "select id, said from thing where count = any($1::integer[])", [1, 3])
        assert {row["id"]: row["said"] for row in found} == {row["id"]: row["said"] for row in (rows[0], rows[2])}
        await session.rollback()
        assert await read_rows(session, "select id from thing") == []
