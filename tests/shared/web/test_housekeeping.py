"""Old answers go, the audit is sealed, and what was changed afterwards shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.security.audit_seal import broken_blocks, seal_audit
from shared.web import housekeeping
from tests.fixtures import eventually
from tests.shared.web.hall import Hall

NOTE = {"region": "64.72.05.1001"}


async def write(hall: Hall, *words: str) -> None:
    for each in words:
        assert (await hall.client.post("/notes", json=NOTE | {"words": each}, headers=hall.officer())).is_success


async def seal(hall: Hall) -> int:
    """Rows in the block that is sealed now."""
    block = await eventually(lambda: seal_audit(hall.deployment.sessions))
    assert block is not None
    return block.rows


@asynccontextmanager
async def without_trigger(hall: Hall, table: str = "audit") -> AsyncIterator[AsyncSession]:
    """As the owner of the tables could, who took the guard off."""
    async with hall.deployment.sessions.begin() as session:
        await session.execute(text(f"alter table kernel.{table} disable trigger audit_is_append_only"))
        yield session
        await session.execute(text(f"alter table kernel.{table} enable trigger audit_is_append_only"))


async def broken(hall: Hall) -> list[int]:
    async with hall.deployment.sessions() as session:
        return await broken_blocks(session)


async def test_the_audit_is_sealed_block_by_block(hall: Hall) -> None:
    assert await seal_audit(hall.deployment.sessions) is None
    await write(hall, "a", "b")
    assert await seal(hall) == 2
    assert await seal_audit(hall.deployment.sessions) is None
    await write(hall, "c")
    assert await seal(hall) == 1
    assert await broken(hall) == []


@pytest.mark.parametrize(
    "change",
    [
        "update kernel.audit set principal = 'somebody/else' where id = 2",
        "update kernel.audit set at = at - interval '1 hour' where id = 2",
        "delete from kernel.audit where id = 2",
        "update kernel.audit set id = default where id = 2",
        """insert into kernel.audit (id, principal, roles, action, subjects) overriding system value
        select 0, principal, roles, action, subjects from kernel.audit where id = 1""",
        """insert into kernel.audit (id, principal, roles, action, subjects) overriding system value
        select -1, principal, roles, action, subjects from kernel.audit where id = 1""",
    ],
)
async def test_a_changed_row_shows(hall: Hall, change: str) -> None:
    await write(hall, "a", "b", "c")
    await seal(hall)
    async with without_trigger(hall) as session:
        await session.execute(text(change))
    assert await broken(hall) == [1]


async def test_a_changed_block_breaks_the_chain_behind_it(hall: Hall) -> None:
    for words in ("a", "b", "c"):
        await write(hall, words)
        await seal(hall)
    async with without_trigger(hall, "audit_block") as session:
        await session.execute(text("update kernel.audit_block set digest = sha256('forged') where number = 1"))
    assert await broken(hall) == [1, 2]
    async with without_trigger(hall, "audit_block") as session:
        await session.execute(text("delete from kernel.audit_block where number = 1"))
    assert await broken(hall) == [2]


async def test_blocks_cannot_be_changed_either(hall: Hall) -> None:
    await write(hall, "a")
    await seal(hall)
    for statement in ("update kernel.audit_block set rows = 0", "delete from kernel.audit_block"):
        async with hall.deployment.sessions() as session:
            with pytest.raises(Exception, match="append-only"):
                await session.execute(text(statement))


async def test_a_row_that_is_committed_late_is_not_left_out(hall: Hall) -> None:
    late = text("insert into kernel.audit (principal, roles, action, subjects) values ('a/b', '[]', 'late', '{}')")
    async with hall.deployment.sessions() as session:
        await session.execute(late)
        await write(hall, "early")
        sealing = asyncio.create_task(seal_audit(hall.deployment.sessions))
        await eventually(lambda: hall.rows("select 1 from pg_stat_activity where query like '%pg_snapshot_xmin%'"))
        assert not sealing.done()
        await session.commit()
    block = await sealing
    assert block is not None
    assert block.rows == 2


async def test_answers_are_forgotten_when_they_are_old(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "FORGET_AT_ONCE", 2)
    await write(hall, "a", "b", "c", "d")
    older = """
        update kernel.idempotency set created_at = now() - age from
        (select key, (28 + row_number() over ()) * interval '1 day' as age from kernel.idempotency) as aged
        where aged.key = idempotency.key
    """
    async with hall.deployment.sessions.begin() as session:
        await session.execute(text(older))  # 29, 30, 31 and 32 days
    await housekeeping.clean_up(hall.deployment)
    assert await hall.count("kernel.idempotency") == 1
