"""Moves money of a fund line: one guarded update of its accounts, one journal entry per item, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.models import FundLineRow, Row
from services.programs.moment import now
from services.programs.rules.ledger import PATHS, Account, Balances, Move
from shared.messaging import Session

SYSTEM = "system"
"""Made by the deployment itself, e.g. when an offer expires."""


class LedgerBroken(Exception):
    """An account had less than what was known to be in it: our mistake, never a refusal."""


@dataclass(frozen=True, slots=True)
class Item:
    """So many rupiah, for which entitlement and payment."""

    rupiah: int
    entitlement_id: UUID | None = None
    payment_id: UUID | None = None


async def may_move(
    session: Session, fund_line_id: UUID, move: Move, items: Sequence[Item], *, reason: str, by: str
) -> bool:
    """Move the items together, or none of them where the account they leave has not enough.

    The fund line's row stays locked until the transaction ends, so that of two who take the last rupiah one is refused.
    """
    total = sum(item.rupiah for item in items)
    if total == 0:
        return True
    leaves, enters = PATHS[move]
    moved = await session.execute(_guarded(fund_line_id, leaves, enters, total))
    if moved.first() is None:
        return False
    entries = [item for item in items if item.rupiah]
    values = {
        "transfer_ids": [uuid7() for _ in entries],
        "fund_line_id": fund_line_id,
        "move": move.value,
        "leaves": leaves.value,
        "enters": enters.value,
        "rupiah": [item.rupiah for item in entries],
        "entitlement_ids": [item.entitlement_id for item in entries],
        "payment_ids": [item.payment_id for item in entries],
        "reason": reason,
        "made_by": by,
        "made_at": now(session),
    }
    await (await session.connection()).execute(_INTO_JOURNAL, values)
    return True


async def must_move(
    session: Session, fund_line_id: UUID, move: Move, items: Sequence[Item], *, reason: str, by: str
) -> None:
    """Move what is known to be there. Raises LedgerBroken where it is not."""
    if not await may_move(session, fund_line_id, move, items, reason=reason, by=by):
        raise LedgerBroken(f"{move} of {sum(item.rupiah for item in items)} on fund line {fund_line_id}")


async def lock_line(session: Session, fund_line_id: UUID) -> FundLineRow:
    """The fund line as it is now; nobody else moves its money until the transaction ends."""
    found = await session.execute(
        select(FundLineRow)
        .where(col(FundLineRow.fund_line_id) == fund_line_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    line: FundLineRow = found.scalar_one()
    return line


def balances(line: FundLineRow) -> Balances:
    """The five accounts of a fund line."""
    return Balances(line.available, line.reserved, line.committed, line.realised, line.returned)


def _guarded(fund_line_id: UUID, leaves: Account, enters: Account, total: int) -> ReturningUpdate[Any]:
    table = Row.metadata.tables["fund_line"]
    columns = {account: table.c[account.value] for account in Account if account is not Account.CEILING}
    changes = {}
    statement = update(table).where(table.c.fund_line_id == fund_line_id)
    if leaves is Account.CEILING:
        changes[table.c.ceiling_rupiah] = table.c.ceiling_rupiah + total
    else:
        statement = statement.where(columns[leaves] >= total)
        changes[columns[leaves]] = columns[leaves] - total
    if enters is Account.CEILING:
        changes[table.c.ceiling_rupiah] = table.c.ceiling_rupiah - total
    else:
        changes[columns[enters]] = columns[enters] + total
    return statement.values(changes).returning(table.c.available)


_INTO_JOURNAL = text(
    """
    insert into transfer (
        transfer_id, fund_line_id, move, leaves, enters, rupiah, entitlement_id, payment_id, reason, made_by, made_at
    )
    select
        transfer_id, :fund_line_id, :move, :leaves, :enters, rupiah, entitlement_id, payment_id, :reason, :made_by,
        :made_at
    from unnest(
        cast(:transfer_ids as uuid[]), cast(:rupiah as bigint[]), cast(:entitlement_ids as uuid[]),
        cast(:payment_ids as uuid[])
    ) as item(transfer_id, rupiah, entitlement_id, payment_id)
    """
)
