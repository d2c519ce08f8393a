"""Works the payer's results in, item by item; the same file twice changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.programs.build_payment_list import lock_list
from services.programs.let_go import let_go, lock_items
from services.programs.load_programme import in_force
from services.programs.models import (
    EntitlementState,
    FundLineRow,
    ListState,
    Payment,
    PaymentList,
    PaymentState,
    ResultRow,
    Row,
)
from services.programs.moment import now, today
from services.programs.move_money import Item, must_move
from services.programs.rules.ledger import Move
from services.programs.rules.results import FINDINGS_MAX, Result, Wrong, read_results
from shared.events.fields import Decree
from shared.events.programs import AidDisbursed, AidFailed, PaymentListSettled
from shared.messaging import Session, announce, correlation, current_cause, schedule
from shared.problem import Finding, Problem

CHUNK = 500
TIMER = "settle-chunk"
PAYER = "payer"
_SETTLES = {"paid": PaymentState.PAID, "failed": PaymentState.FAILED}


@dataclass(frozen=True, slots=True)
class Received:
    """What a result file said: taken for settling, known already, or against what is settled."""

    rows: int
    taken: int
    unchanged: int
    conflicts: list[UUID]


async def receive(session: Session, made: PaymentList, content: str, by: str) -> Received:
    """Take a result file for a (locked) approved list and settle its first chunk.

    Raises:
        Problem: 422 with the wrong lines; nothing of such a file is taken.
    """
    if made.state not in (ListState.APPROVED, ListState.SETTLED):
        raise Problem("payment-list-state", status=409, state=made.state)
    read = read_results(content)
    payments = await _payments(session, made, [result.payment_id for result in read.results])
    strangers = [
        Wrong(each.line, "payment_id", "result-payment-unknown")
        for each in read.results
        if each.payment_id not in payments
    ]
    wrong = [*read.wrong, *strangers][:FINDINGS_MAX]
    if wrong:
        errors = [Finding(each.code, each.column, {"line": each.line}) for each in wrong]
        raise Problem("result-file-wrong", status=422, field="file", errors=errors)
    taken, unchanged, conflicts = _sort(read.results, payments, await _waiting(session, made))
    await _keep(session, made, content, len(read.results), by)
    if taken:
        rows = [
            {
                "payment_id": result.payment_id,
                "payment_list_id": made.payment_list_id,
                "status": result.status,
                "reason": result.reason,
                "settled_on": result.on,
            }
            for result in taken
        ]
        await session.execute(insert(Row.metadata.tables["result_row"]).on_conflict_do_nothing(), rows)
        await settle_chunk(session, made.payment_list_id)
    return Received(len(read.results), len(taken), unchanged, conflicts)


async def settle_chunk(session: Session, payment_list_id: UUID) -> None:
    """Settle the next results; goes on by a timer, and closes the list when every item has its result."""
    made = await lock_list(session, payment_list_id)
    waiting = (
        select(col(ResultRow.payment_id))
        .where(col(ResultRow.payment_list_id) == payment_list_id)
        .order_by(col(ResultRow.payment_id))
        .limit(CHUNK)
    )
    gone = await session.execute(
        delete(ResultRow)
        .where(col(ResultRow.payment_id).in_(waiting))
        .returning(col(ResultRow.payment_id), col(ResultRow.status), col(ResultRow.reason), col(ResultRow.settled_on))
        .execution_options(synchronize_session=False)
    )
    results = {row.payment_id: Result(row.payment_id, row.status, row.reason, row.settled_on) for row in gone}
    with correlation(made.correlation_id, current_cause().causation_id):
        if results:
            await _settle(session, made, results)
        if len(results) == CHUNK:
            await schedule(session, TIMER, now(session), str(payment_list_id))
        else:
            await close(session, made)


async def _payments(session: Session, made: PaymentList, ids: Sequence[UUID]) -> dict[UUID, Payment]:
    found = await session.execute(select(Payment).where(col(Payment.payment_list_id) == made.payment_list_id))
    wanted = set(ids)
    return {payment.payment_id: payment for payment in found.scalars() if payment.payment_id in wanted}


async def _waiting(session: Session, made: PaymentList) -> dict[UUID, str]:
    """What was said of the payments whose results wait to be worked in. Who receives a file holds the list."""
    found = await session.execute(
        select(col(ResultRow.payment_id), col(ResultRow.status)).where(
            col(ResultRow.payment_list_id) == made.payment_list_id
        )
    )
    return {payment_id: status for payment_id, status in found}  # noqa: C416 - a row is no pair for mypy


def _sort(
    results: Sequence[Result], payments: dict[UUID, Payment], waiting: dict[UUID, str]
) -> tuple[list[Result], int, list[UUID]]:
    taken: list[Result] = []
    unchanged = 0
    conflicts: list[UUID] = []
    for result in results:
        state: str = payments[result.payment_id].state
        if result.payment_id in waiting:
            state = _SETTLES[waiting[result.payment_id]]
        if state == PaymentState.COMMITTED:
            taken.append(result)
        elif _says_the_same(result, state):
            unchanged += 1
        else:
            conflicts.append(result.payment_id)
    return taken, unchanged, conflicts


def _says_the_same(result: Result, state: str) -> bool:
    """What was paid and later came back was paid all the same."""
    if result.status == "paid":
        return state in (PaymentState.PAID, PaymentState.RETURNED, PaymentState.REVERSED)
    return state == PaymentState.FAILED


async def _keep(session: Session, made: PaymentList, content: str, rows: int, by: str) -> None:
    row = {
        "payment_list_id": made.payment_list_id,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "rows": rows,
        "received_by": by,
        "received_at": now(session),
    }
    await session.execute(insert(Row.metadata.tables["result_file"]).on_conflict_do_nothing(), [row])


async def _settle(session: Session, made: PaymentList, results: dict[UUID, Result]) -> None:
    running = await in_force(session, made.programme)
    line = await session.get_one(FundLineRow, made.fund_line_id)
    rows = await lock_items(session, made, PaymentState.COMMITTED, list(results))
    paid = [row for row in rows if results[row[0].payment_id].status == "paid"]
    unpaid = [row for row in rows if results[row[0].payment_id].status != "paid"]
    for payment, entitlement, _ in paid:
        payment.state, payment.settled_on = PaymentState.PAID, results[payment.payment_id].on
        entitlement.state = EntitlementState.PAID
        announce(session, _disbursed(made, payment, line.code))
    for payment, _, _ in unpaid:
        result = results[payment.payment_id]
        payment.state, payment.settled_on, payment.reason = PaymentState.FAILED, result.on, result.reason
        announce(session, failed(made, payment, line.code))
    await session.flush()
    items = [Item(payment.rupiah, payment.entitlement_id, payment.payment_id) for payment, _, _ in paid]
    await must_move(session, made.fund_line_id, Move.REALISE, items, reason="paid", by=PAYER)
    await let_go(session, running, made, unpaid, Move.FAIL, reason="not-paid", by=PAYER)


async def close(session: Session, made: PaymentList) -> None:
    """A (locked) approved list is settled when every item has its result."""
    counted = await session.execute(
        select(
            col(Payment.state),
            func.count().label("families"),
            func.sum(col(Payment.persons)).label("persons"),
            func.sum(col(Payment.rupiah)).label("rupiah"),
        )
        .where(col(Payment.payment_list_id) == made.payment_list_id)
        .group_by(col(Payment.state))
    )
    by_state = {row.state: row for row in counted}
    if made.state != ListState.APPROVED or PaymentState.COMMITTED in by_state:
        return
    made.state = ListState.SETTLED
    paid, unpaid = by_state.get(PaymentState.PAID), by_state.get(PaymentState.FAILED)
    announce(
        session,
        PaymentListSettled(
            payment_list_id=made.payment_list_id,
            programme_id=made.programme_id,
            programme=made.programme,
            region=made.region,
            period=made.period,
            fund_line=(await session.get_one(FundLineRow, made.fund_line_id)).code,
            families_paid=int(paid.families) if paid else 0,
            families_failed=int(unpaid.families) if unpaid else 0,
            persons_paid=int(paid.persons) if paid else 0,
            persons_failed=int(unpaid.persons) if unpaid else 0,
            paid_rupiah=int(paid.rupiah) if paid else 0,
            failed_rupiah=int(unpaid.rupiah) if unpaid else 0,
            settled_on=today(session),
        ),
    )


def failed(made: PaymentList, payment: Payment, line: str) -> AidFailed:
    """The fact that an item was not paid."""
    assert payment.settled_on is not None and payment.reason is not None  # noqa: S101, PT018 - set by the callers
    return AidFailed(
        programme_id=made.programme_id,
        programme=made.programme,
        household_id=payment.household_id,
        region=payment.region,
        payment_id=payment.payment_id,
        entitlement_id=payment.entitlement_id,
        enrolment_id=payment.enrolment_id,
        period=made.period,
        fund_line=line,
        rupiah=payment.rupiah,
        persons=payment.persons,
        payment_list_id=made.payment_list_id,
        failed_on=payment.settled_on,
        reason=payment.reason,
    )


def _disbursed(made: PaymentList, payment: Payment, line: str) -> AidDisbursed:
    assert payment.settled_on is not None and made.decree_dated is not None  # noqa: S101, PT018 - an approved list's
    return AidDisbursed(
        programme_id=made.programme_id,
        programme=made.programme,
        household_id=payment.household_id,
        region=payment.region,
        payment_id=payment.payment_id,
        entitlement_id=payment.entitlement_id,
        enrolment_id=payment.enrolment_id,
        period=made.period,
        fund_line=line,
        rupiah=payment.rupiah,
        persons=payment.persons,
        payment_list_id=made.payment_list_id,
        paid_on=payment.settled_on,
        decree=Decree(number=made.decree_number or "", dated=made.decree_dated, list_sha256=made.list_sha256),
    )
