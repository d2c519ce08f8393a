"""Locking marks: by key alone, whoever else makes one or rebuilds meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.events.verification import VerificationOpened
from shared.messaging import Session, hearing
from shared.messaging.failures import MarkTaken, is_infrastructure
from shared.messaging.heard import REBUILD_LOCK, Mark, MarkKey, keep_marks, lock_marks
from shared.messaging.writing_behind import BEHIND_MIN
from tests.fixtures import eventually
from tests.fixtures.deployments import TestDeployment
from tests.shared.messaging.city import registered, waits_for_a_lock


@pytest.mark.parametrize("wanted", [1, 300])
async def test_marks_are_found_by_key_though_their_table_was_small_when_that_was_planned(
    city: TestDeployment, wanted: int
) -> None:
    keys = [("tuntas.intake.dinsos-samarinda", str(uuid4()).encode()) for _ in range(wanted)]
    async with city.session() as session:
        connection = await session.connection()
        await connection.execute(text("set local plan_cache_mode = force_generic_plan"))
        await lock_and_keep(session, keys)
        await connection.execute(text("analyze kernel.heard"))
        # Planned while a few pages hold all of them, and used again when they are many.
        await lock_and_keep(session, keys)
        await connection.execute(_MORE_MARKS)
        before = (await connection.execute(_ROWS_READ)).one()
        await lock_and_keep(session, keys)
        after = (await connection.execute(_ROWS_READ)).one()
    assert after.one_after_the_other == before.one_after_the_other
    assert after.by_index - before.by_index <= 4 * wanted


async def lock_and_keep(session: Session, keys: list[MarkKey]) -> None:
    marks = await lock_marks(session, keys)
    for mark in marks.values():
        mark.changed = True
    await keep_marks(session, marks.values())


_MORE_MARKS = text("""
    insert into kernel.heard (topic, key)
    select 'tuntas.intake.dinsos-samarinda', convert_to(gen_random_uuid()::text, 'UTF8') from generate_series(1, 20000)
""")
_ROWS_READ = text("""
    select seq_tup_read as one_after_the_other, idx_tup_fetch as by_index
    from pg_stat_xact_user_tables where schemaname = 'kernel' and relname = 'heard'
""")


async def test_the_function_that_locks_marks_shares_the_lock_of_a_rebuild(city: TestDeployment) -> None:
    [row] = await city.fetch("select prosrc from pg_proc where oid = 'kernel.marks_under_lock'::regproc")
    assert f"pg_advisory_xact_lock_shared({REBUILD_LOCK})" in row.prosrc


@pytest.mark.parametrize("kept", [True, False])
async def test_a_new_mark_is_for_whoever_makes_it_first(city: TestDeployment, kept: bool) -> None:
    wanted = ("tuntas.intake.dinsos-samarinda", str(uuid4()).encode())
    async with city.session() as first, city.session() as second:
        for session in (first, second):
            mark = await heard_one_of(session, wanted)
            assert mark.is_new
            if session is first:
                await keep_marks(first, [mark])
        waiting = asyncio.create_task(keep_marks(second, [mark]))
        await eventually(lambda: waits_for_a_lock(city))
        await (first.commit() if kept else first.rollback())
        if kept:
            with pytest.raises(MarkTaken) as taken:
                await waiting
            assert is_infrastructure(taken.value)
        else:
            await waiting
            await second.commit()
    [row] = await city.fetch("select last_sequence from kernel.heard")
    assert row.last_sequence == 1


@pytest.mark.parametrize("kept", [True, False])
async def test_a_mark_that_stands_is_waited_for(city: TestDeployment, kept: bool) -> None:
    wanted = ("tuntas.intake.dinsos-samarinda", str(uuid4()).encode())
    async with city.session() as session:
        await keep_marks(session, [await heard_one_of(session, wanted)])
        await session.commit()
    async with city.session() as first, city.session() as second:
        mark = await heard_one_of(first, wanted)
        waiting = asyncio.create_task(lock_marks(second, [wanted]))
        await eventually(lambda: waits_for_a_lock(city))
        await keep_marks(first, [mark])
        await (first.commit() if kept else first.rollback())
        found = (await waiting)[wanted]
    assert found.last_sequence == (2 if kept else 1)
    assert not found.is_new


async def heard_one_of(session: Session, key: MarkKey) -> Mark:
    """The mark of a key, one record further."""
    mark = (await lock_marks(session, [key]))[key]
    mark.last_sequence, mark.changed = mark.last_sequence + 1, True
    return mark


async def test_marks_are_locked_once_a_rebuild_has_ended_and_are_what_it_left(city: TestDeployment) -> None:
    wanted = ("tuntas.intake.dinsos-samarinda", str(uuid4()).encode())
    async with city.session() as rebuild, city.session() as worker:
        await rebuild.execute(text(f"select pg_advisory_xact_lock({REBUILD_LOCK})"))
        waiting = asyncio.create_task(lock_marks(worker, [wanted]))
        await eventually(lambda: waits_for_a_lock(city))
        await rebuild.execute(
            text("insert into kernel.heard (topic, key, last_sequence) values (:topic, :key, 7)"),
            {"topic": wanted[0], "key": wanted[1]},
        )
        await rebuild.commit()
        assert (await waiting)[wanted].last_sequence == 7


async def test_two_workers_who_hear_the_first_record_of_a_key_at_once_handle_it_once(
    city: TestDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, kept, go_on = city.record(registered()), asyncio.Event(), asyncio.Event()

    async def keep_and_wait(*arguments: Any) -> None:
        await keep_marks(*arguments)
        kept.set()
        await go_on.wait()

    monkeypatch.setattr(hearing, "keep_marks", keep_and_wait)
    first = asyncio.create_task(city.hear(record))
    await kept.wait()
    monkeypatch.setattr(hearing, "keep_marks", keep_marks)
    second = asyncio.create_task(city.hear(record))
    await eventually(lambda: waits_for_a_lock(city))
    go_on.set()
    await first
    with pytest.raises(MarkTaken):
        await second
    await city.hear(record)
    [effect] = await city.fetch("select what from test_effect")
    assert effect.what == "opened"
    assert len(await city.announced(VerificationOpened)) == 1
    assert await city.parked() == []


async def test_a_large_batch_of_which_another_worker_makes_a_mark_is_heard_again_and_the_rest_handled(
    city: TestDeployment,
) -> None:
    records = [city.record(registered()) for _ in range(BEHIND_MIN + 1)]
    async with city.session() as other:
        await keep_marks(other, [await heard_one_of(other, (records[5].topic, records[5].key or b""))])
        hearing_them = asyncio.create_task(city.hear(*records))
        await eventually(lambda: waits_for_a_lock(city))
        await other.commit()
    with pytest.raises(MarkTaken):
        await hearing_them
    assert await city.fetch("select 1 from test_effect") == []
    await city.hear(*records)
    assert len(await city.fetch("select 1 from test_effect")) == BEHIND_MIN
    assert await city.parked() == []


@pytest.mark.parametrize("kept", [True, False])
async def test_a_worker_of_the_release_before_makes_its_marks_beside_ours(city: TestDeployment, kept: bool) -> None:
    record = city.record(registered())
    one = {"topic": record.topic, "key": (record.key or b"").decode()}
    async with city.session() as other:
        connection = await other.connection()
        await connection.execute(
            text("select kernel.lock_marks(array[cast(:topic as text)], array[cast(:key as text)])"), one
        )
        hearing_it = asyncio.create_task(city.hear(record))
        await eventually(lambda: waits_for_a_lock(city))
        await connection.execute(text("update kernel.heard set last_sequence = 1"))
        await (other.commit() if kept else other.rollback())
    if kept:
        with pytest.raises(MarkTaken):
            await hearing_it
        await city.hear(record)
    else:
        await hearing_it
    assert len(await city.fetch("select 1 from test_effect")) == (0 if kept else 1)
    assert await city.parked() == []
