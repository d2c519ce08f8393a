"""Seals the audit in blocks, each of which holds the digest of the one before: what was written stays as it was.

Rows are plain inserts in the transactions of those who act; nobody waits for the seal. The digest of each block also
goes to the log, which other people keep: whoever changed rows, blocks and trigger alike would have to change that too.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from shared.security.tables import audit_blocks, audit_rows

log = structlog.get_logger(__name__)

SETTLE_S_MAX: Final = 20.0
"""So long the sealer waits for transactions that may still add rows to the block; then it tries again later."""
ROWS_AT_ONCE: Final = 1_000
_LOCK: Final = 0x7475_6E74_6173_0005
_BEFORE_ALL: Final = bytes(32)
_LOWEST_ID: Final = -(2**63)
"""The first block begins here, so that no row can be slipped in before it."""
_SEALED: Final = tuple(
    audit_rows.c[name] for name in ("id", "at", "principal", "roles", "action", "subjects", "purpose", "correlation_id")
)
"""What a seal covers, in this order. A column that is added later is added to a new kind of block."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of the ids from `first_id` to `last_id`, and a digest over them and the digest of the block before."""

    number: int
    first_id: int
    last_id: int
    rows: int
    digest: bytes


async def seal_audit(sessions: "async_sessionmaker[Any]") -> Block | None:
    """Seals everything written so far. None when there is nothing new, or others are still writing it."""
    async with sessions() as session:
        last_id = await session.scalar(select(func.max(audit_rows.c.id)))
        horizon = await session.scalar(text("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
        await session.rollback()
    if last_id is None or not await _is_settled(sessions, horizon):
        return None
    async with sessions.begin() as session:
        if not await session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return None
        return await _seal_up_to(session, last_id)


async def broken_blocks(session: AsyncSession) -> list[int]:
    """The numbers of blocks whose rows or whose place in the chain are not what was sealed; empty when all is well."""
    broken, expected, digest = [], 1, _BEFORE_ALL
    for block in (await session.execute(select(audit_blocks).order_by(audit_blocks.c.number))).all():
        rows, digest = await _digest_of(session, block.first_id, block.last_id, digest)
        if (block.number, block.rows, block.digest) != (expected, rows, digest):
            broken.append(block.number)
        expected, digest = block.number + 1, block.digest
    return broken


async def _is_settled(sessions: "async_sessionmaker[Any]", horizon: int) -> bool:
    """Waits until every transaction that began before the horizon has ended: no lower id can still appear."""
    pause, waited = 0.05, 0.0
    while waited < SETTLE_S_MAX:
        async with sessions() as session:
            oldest = await session.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        if oldest >= horizon:
            return True
        await asyncio.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, 1.0)
    return False


async def _seal_up_to(session: AsyncSession, last_id: int) -> Block | None:
    newest = (await session.execute(select(audit_blocks).order_by(audit_blocks.c.number.desc()).limit(1))).first()
    number, first_id, previous = (
        (1, _LOWEST_ID, _BEFORE_ALL) if newest is None else (newest.number + 1, newest.last_id + 1, newest.digest)
    )
    if last_id < first_id:
        return None
    rows, digest = await _digest_of(session, first_id, last_id, previous)
    block = Block(number, first_id, last_id, rows, digest)
    values = {"number": number, "first_id": first_id, "last_id": last_id, "rows": rows, "digest": digest}
    await session.execute(insert(audit_blocks), values)
    log.info("audit.sealed", block=number, rows=rows, last_id=last_id, digest_id=digest.hex())
    return block


async def _digest_of(session: AsyncSession, first_id: int, last_id: int, previous: bytes) -> tuple[int, bytes]:
    query = select(*_SEALED).where(audit_rows.c.id.between(first_id, last_id)).order_by(audit_rows.c.id)
    digest, rows = hashlib.sha256(previous), 0
    async for row in await session.stream(query.execution_options(yield_per=ROWS_AT_ONCE)):
        digest.update(orjson.dumps(list(row), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
        rows += 1
    return rows, digest.digest()
