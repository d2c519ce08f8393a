"""A batch whose answers go by COPY, its marks kept behind its handlers: whole or not at all, and once."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from shared.messaging import Session, hearing
from shared.messaging.announcing import write_announcements
from tests.fixtures.deployments import TestDeployment
from tests.shared.messaging.city import registered


async def test_a_large_batch_that_fails_at_its_end_leaves_nothing_and_is_heard_again(
    city: TestDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [city.record(registered()) for _ in range(200)]
    failed = asyncpg.DeadlockDetectedError("somebody else came first")

    async def fail(session: Session) -> int:
        await write_announcements(session)
        raise failed

    monkeypatch.setattr(hearing, "write_announcements", fail)
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await city.hear(*records)
    assert await all_that_is_kept(city) == (0, 0, 0)
    monkeypatch.setattr(hearing, "write_announcements", write_announcements)
    for _time in range(2):
        await city.hear(*records)
        assert await all_that_is_kept(city) == (200, 200, 200)
    assert await city.parked() == []
    rows = await city.fetch("select distinct last_sequence, blocked from kernel.heard")
    assert [tuple(row) for row in rows] == [(1, False)]


async def test_a_large_batch_that_is_cancelled_while_it_is_written_is_heard_again(
    city: TestDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [city.record(registered()) for _ in range(200)]
    begun = asyncio.Event()

    async def never_ends(session: Session) -> int:
        begun.set()
        await asyncio.Event().wait()
        return await write_announcements(session)

    monkeypatch.setattr(hearing, "write_announcements", never_ends)
    hears = asyncio.create_task(city.hear(*records))
    await begun.wait()
    hears.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hears
    monkeypatch.setattr(hearing, "write_announcements", write_announcements)
    assert await all_that_is_kept(city) == (0, 0, 0)
    await city.hear(*records)
    assert await all_that_is_kept(city) == (200, 200, 200)


async def all_that_is_kept(city: TestDeployment) -> tuple[int, ...]:
    """Effects, announcements and marks."""
    [row] = await city.fetch("""
        select (select count(*) from test_effect), (select count(*) from kernel.outbox),
            (select count(*) from kernel.heard)
    """)
    return tuple(row)
