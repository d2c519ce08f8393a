"""What becomes of the money of items that a list does not pay: refused, blocked, or turned back by the payer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, select, text, update
from sqlmodel import col

from services.programs.among import among
from services.programs.load_programme import Running
from services.programs.models import Enrolment, Entitlement, EntitlementState, Payment, PaymentList, PaymentState
from services.programs.move_money import Item, must_move
from services.programs.rules.ledger import Move
from services.programs.suspend_enrolment import LIVE
from shared.messaging import Session

Listed = tuple[Payment, Entitlement, Enrolment]
"""An item of a list, what it pays, and whose it is."""


async def lock_items(
    session: Session, made: PaymentList, state: PaymentState, only: Sequence[UUID] | None = None
) -> list[Listed]:
    """The items of a (locked) list in a state, or those of them that are named.

    The enrolments come first and stay as they are: nobody ends one while its list is submitted, decided or settled.
    """
    wanted: list[ColumnElement[bool]] = [
        col(Payment.payment_list_id) == made.payment_list_id,
        col(Payment.state) == state,
    ]
    if only is not None:
        wanted.append(among(col(Payment.payment_id), only))
    stand = await session.execute(
        select(Enrolment)
        .where(col(Enrolment.enrolment_id).in_(select(col(Payment.enrolment_id)).where(*wanted)))
        .order_by(col(Enrolment.enrolment_id))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    enrolments = {each.enrolment_id: each for each in stand.scalars()}
    found = await session.execute(
        select(Payment, Entitlement)
        .join(Entitlement, col(Entitlement.entitlement_id) == col(Payment.entitlement_id))
        .where(*wanted)
        .order_by(col(Payment.payment_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [(payment, entitlement, enrolments[payment.enrolment_id]) for payment, entitlement in found]


class Committed(Protocol):
    """An approved item on its way to the payer, as ``lock_for_settling`` reads it."""

    payment_id: UUID
    entitlement_id: UUID
    enrolment_id: UUID
    household_id: UUID
    region: str
    rupiah: int
    persons: int


async def lock_for_settling(session: Session, made: PaymentList, only: Sequence[UUID]) -> Sequence[Committed]:
    """The named committed items of a (locked) list, and no more of them than an event tells.

    They are locked as ``lock_items`` does it. Settling does this for every item there is, so it makes no objects.
    """
    connection = await session.connection()
    await connection.execute(_LOCK_ENROLMENTS, {"payment_list_id": made.payment_list_id, "payment_ids": list(only)})
    found = await connection.execute(
        _LOCK_COMMITTED, {"payment_list_id": made.payment_list_id, "payment_ids": list(only)}
    )
    items: Sequence[Any] = found.all()
    return items


async def let_go(
    session: Session, running: Running, made: PaymentList, rows: Sequence[Listed], move: Move, *, reason: str, by: str
) -> None:
    """Take the items' money off a (locked) list: RELEASE what was reserved, FAIL what was committed.

    Where places carry their money it stays set aside with the place, as long as the household has the place and the
    item was worth all of it. Whoever takes part no more has nothing to be set aside for: the entitlement is void.
    """
    keeps = [row for row in rows if _keeps(running, *row)]
    others = [row for row in rows if not _keeps(running, *row)]
    if move is Move.FAIL:
        await must_move(session, made.fund_line_id, move, _items(rows), reason=reason, by=by)
        await must_move(session, made.fund_line_id, Move.RESERVE, _items(keeps), reason="still-enrolled", by=by)
    else:
        await must_move(session, made.fund_line_id, move, _items(others), reason=reason, by=by)
    await set_entitlements(session, keeps, EntitlementState.RESERVED)
    await set_entitlements(session, [row for row in others if row[2].status in LIVE], EntitlementState.OPEN)
    await set_entitlements(session, [row for row in others if row[2].status not in LIVE], EntitlementState.VOID)


async def set_entitlements(session: Session, rows: Sequence[Listed], state: EntitlementState) -> None:
    """One statement, however long the list is. What is void stays void: there is no money behind it."""
    await session.execute(
        update(Entitlement)
        .where(
            among(col(Entitlement.entitlement_id), [entitlement.entitlement_id for _, entitlement, _ in rows]),
            col(Entitlement.state) != EntitlementState.VOID,
        )
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def _keeps(running: Running, payment: Payment, entitlement: Entitlement, enrolment: Enrolment) -> bool:
    return (
        running.reserves_at_enrolment
        and enrolment.status in LIVE
        and payment.rupiah == entitlement.rupiah
        and entitlement.state != EntitlementState.VOID
    )


def _items(rows: Sequence[Listed]) -> list[Item]:
    return [Item(payment.rupiah, payment.entitlement_id, payment.payment_id) for payment, _, _ in rows]


# Rows that an array names are found by their keys, whatever the planner believes of a table that has just grown.
_LOCK_ENROLMENTS = text(
    """
    select count(*) from (
        select from enrolment where enrolment_id = any(array(
            select enrolment_id from payment
            where payment_id = any(cast(:payment_ids as uuid[])) and payment_list_id = :payment_list_id
                and state = 'committed'
        ))
        order by enrolment_id for share
    ) as locked
    """
)
_LOCK_COMMITTED = text(
    """
    select
        payment.payment_id, payment.entitlement_id, payment.enrolment_id, payment.household_id, payment.region,
        payment.rupiah, payment.persons
    from payment join entitlement on entitlement.entitlement_id = payment.entitlement_id
    where payment.payment_id = any(cast(:payment_ids as uuid[])) and payment.payment_list_id = :payment_list_id
        and payment.state = 'committed'
        and entitlement.entitlement_id = any(array(
            select entitlement_id from payment where payment_id = any(cast(:payment_ids as uuid[]))
        ))
    order by payment.payment_id for update
    """
)
