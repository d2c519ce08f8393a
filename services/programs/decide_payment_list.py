"""Submits a payment list, which reserves its money, and decides it by a second person with a decree."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from services.programs.among import among
from services.programs.build_payment_list import may_pay
from services.programs.entitle import PAID_OR_UNDER_WAY, tell_exhausted
from services.programs.let_go import Listed, let_go, lock_items, set_entitlements
from services.programs.load_programme import Running, in_force
from services.programs.look_at import look_at
from services.programs.models import (
    EntitlementState,
    FundLineRow,
    ListState,
    Payment,
    PaymentExclusion,
    PaymentList,
    PaymentState,
)
from services.programs.moment import today
from services.programs.move_money import Item, lock_line, may_move, must_move
from services.programs.rules.ledger import Move
from services.programs.settle_payments import close, failed
from shared.events.fields import Decree
from shared.events.programs import PaymentListSubmitted
from shared.messaging import Session, announce
from shared.problem import Problem

CHUNK = 500


async def submit(session: Session, made: PaymentList, by: str) -> None:
    """Reserve what a (locked) draft asks for; all of it or nothing, with the exhausted line named."""
    if made.state != ListState.DRAFT:
        raise Problem("payment-list-state", status=409, state=made.state)
    if made.made_by != by:
        raise Problem("payment-list-of-another", status=409)
    if made.families == 0:
        raise Problem("payment-list-empty", status=409)
    rows = await lock_items(session, made, PaymentState.LISTED)
    if await _outdated(session, made, rows):
        raise Problem("payment-list-outdated", status=409)
    wanted = [
        Item(payment.rupiah, payment.entitlement_id, payment.payment_id)
        for payment, entitlement, _ in rows
        if entitlement.state == EntitlementState.OPEN
    ]
    if not await may_move(session, made.fund_line_id, Move.RESERVE, wanted, reason="payment-list", by=by):
        line = await lock_line(session, made.fund_line_id)
        asked = sum(item.rupiah for item in wanted)
        raise Problem("fund-line-exhausted", status=409, line=line.code, asked=asked, left=line.available)
    await _set(session, rows, PaymentState.RESERVED)
    await set_entitlements(session, rows, EntitlementState.RESERVED)
    made.state = ListState.SUBMITTED
    await session.flush()
    announce(
        session,
        PaymentListSubmitted(
            payment_list_id=made.payment_list_id,
            programme_id=made.programme_id,
            programme=made.programme,
            region=made.region,
            period=made.period,
            fund_line=(await session.get_one(FundLineRow, made.fund_line_id)).code,
            families=made.families,
            persons=made.persons,
            rupiah=made.rupiah,
            submitted_on=today(session),
        ),
    )
    await _tell_refused(session, made)


async def approve(session: Session, made: PaymentList, decree: Decree, by: str) -> None:
    """Commit a (locked) submitted list by a decree that adopts its hash.

    Whoever may meanwhile not be paid is failed with the reason instead; the others do not wait for it.
    """
    _require_submitted(made, by)
    if decree.list_sha256 is None or decree.list_sha256 != made.list_sha256:
        raise Problem("decree-of-another-list", status=409, field="decree.list_sha256")
    running = await in_force(session, made.programme)
    made.state = ListState.APPROVED
    made.decided_by = by
    made.decree_number = decree.number
    made.decree_dated = decree.dated
    rows = await lock_items(session, made, PaymentState.RESERVED)
    blocked = await _blocked(session, running, rows)
    good = [row for row in rows if row[0].payment_id not in blocked]
    await _fail(session, running, made, [row for row in rows if row[0].payment_id in blocked], blocked, by)
    items = [Item(payment.rupiah, payment.entitlement_id, payment.payment_id) for payment, _, _ in good]
    await must_move(session, made.fund_line_id, Move.COMMIT, items, reason="decree", by=by)
    await _set(session, good, PaymentState.COMMITTED)
    await set_entitlements(session, good, EntitlementState.COMMITTED)
    await session.flush()
    await close(session, made)


async def refuse(session: Session, made: PaymentList, by: str) -> None:
    """Turn a (locked) submitted list down as a whole; its money is as it was before."""
    _require_submitted(made, by)
    running = await in_force(session, made.programme)
    rows = await lock_items(session, made, PaymentState.RESERVED)
    await let_go(session, running, made, rows, Move.RELEASE, reason="list-refused", by=by)
    await _set(session, rows, PaymentState.RELEASED)
    made.state = ListState.REFUSED
    made.decided_by = by
    await session.flush()


def _require_submitted(made: PaymentList, by: str) -> None:
    if made.state != ListState.SUBMITTED:
        raise Problem("payment-list-state", status=409, state=made.state)
    if made.made_by == by:
        raise Problem("second-person-required", status=409)


async def _outdated(session: Session, made: PaymentList, rows: Sequence[Listed]) -> bool:
    """Whether something on the (locked) list was voided, or is being paid by another list, since it was built."""
    if any(entitlement.state not in (EntitlementState.OPEN, EntitlementState.RESERVED) for _, entitlement, _ in rows):
        return True
    elsewhere = await session.execute(
        select(func.count()).where(
            among(col(Payment.entitlement_id), [entitlement.entitlement_id for _, entitlement, _ in rows]),
            col(Payment.payment_list_id) != made.payment_list_id,
            col(Payment.state).in_(PAID_OR_UNDER_WAY),
        )
    )
    return bool(elsewhere.scalar_one())


async def _set(session: Session, rows: Sequence[Listed], state: PaymentState) -> None:
    """One statement, however long the list is."""
    await session.execute(
        update(Payment)
        .where(among(col(Payment.payment_id), [payment.payment_id for payment, _, _ in rows]))
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


async def _blocked(session: Session, running: Running, rows: Sequence[Listed]) -> dict[UUID, str]:
    """Payments that may not be made any more, with the first reason."""
    blocked: dict[UUID, str] = {}
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        looked = await look_at(session, [payment.household_id for payment, _, _ in chunk])
        for payment, _, enrolment in chunk:
            decision = may_pay(running.programme, enrolment, looked.get(payment.household_id))
            if not decision.allowed:
                blocked[payment.payment_id] = decision.reasons[0].code
    return blocked


async def _fail(
    session: Session,
    running: Running,
    made: PaymentList,
    rows: Sequence[Listed],
    reasons: dict[UUID, str],
    by: str,
) -> None:
    if not rows:
        return
    line = await session.get_one(FundLineRow, made.fund_line_id)
    await let_go(session, running, made, rows, Move.RELEASE, reason="blocked", by=by)
    for payment, _, _ in rows:
        payment.state = PaymentState.FAILED
        payment.reason = reasons[payment.payment_id]
        payment.settled_on = today(session)
        announce(session, failed(made, payment, line.code))
    await session.flush()


async def _tell_refused(session: Session, made: PaymentList) -> None:
    """Once per list: how much it left out because the fund line had not enough."""
    without = await session.execute(
        select(func.coalesce(func.sum(col(PaymentExclusion.rupiah)), 0)).where(
            col(PaymentExclusion.payment_list_id) == made.payment_list_id,
            col(PaymentExclusion.reasons).contains([{"code": "fund-line-exhausted"}]),
        )
    )
    asked = int(without.scalar_one())
    if asked:
        line = await lock_line(session, made.fund_line_id)
        tell_exhausted(session, await in_force(session, made.programme), line, asked=asked, left=line.available)
