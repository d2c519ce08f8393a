"""Works the payer's results in, item by item; the same file twice changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.programs.among import among
from services.programs.build_payment_list import lock_list
from services.programs.let_go import Committed, let_go, lock_for_settling, lock_items
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
    named = [result.payment_id for result in read.results]
    states = await _states(session, made, named)
    strangers = [
        Wrong(each.line, "payment_id", "result-payment-unknown")
        for each in read.results
        if each.payment_id not in states
    ]
    wrong = [*read.wrong, *strangers][:FINDINGS_MAX]
    if wrong:
        errors = [Finding(each.code, each.column, {"line": each.line}) for each in wrong]
        raise Problem("result-file-wrong", status=422, field="file", errors=errors)
    taken, unchanged, conflicts = _sort(read.results, states, await _waiting(session, named))
    await _keep(session, made, content, len(read.results), by)
    if taken:
        await _wait(session, made, taken)
        await settle_chunk(session, made.payment_list_id)
    return Received(len(read.results), len(taken), unchanged, conflicts)


async def settle_chunk(session: Session, payment_list_id: UUID) -> None:
    """Settle the next results; goes on by a timer, and closes the list when every item has its result."""
    made = await lock_list(session, payment_list_id)
    gone = await (await session.connection()).execute(_TAKE, {"payment_list_id": payment_list_id, "limit": CHUNK})
    results = {row.payment_id: Result(row.payment_id, row.status, row.reason, row.settled_on) for row in gone}
    with correlation(made.correlation_id, current_cause().causation_id):
        if results:
            await _settle(session, made, results)
        if len(results) == CHUNK:
            await schedule(session, TIMER, now(session), str(payment_list_id))
        else:
            await close(session, made)


async def _states(session: Session, made: PaymentList, ids: Sequence[UUID]) -> dict[UUID, str]:
    """How those of the named payments stand that are on the list."""
    found = await session.execute(
        select(col(Payment.payment_id), col(Payment.state)).where(
            among(col(Payment.payment_id), ids), col(Payment.payment_list_id) == made.payment_list_id
        )
    )
    return {payment_id: state for payment_id, state in found}  # noqa: C416 - a row is no pair for mypy


async def _waiting(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What was said of those of the named payments whose results wait. Who receives a file holds the list."""
    found = await session.execute(
        select(col(ResultRow.payment_id), col(ResultRow.status)).where(among(col(ResultRow.payment_id), ids))
    )
    return {payment_id: status for payment_id, status in found}  # noqa: C416 - a row is no pair for mypy


def _sort(
    results: Sequence[Result], states: dict[UUID, str], waiting: dict[UUID, str]
) -> tuple[list[Result], int, list[UUID]]:
    taken: list[Result] = []
    unchanged = 0
    conflicts: list[UUID] = []
    for result in results:
        state = states[result.payment_id]
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


async def _wait(session: Session, made: PaymentList, taken: Sequence[Result]) -> None:
    """Keep the results until their chunk is settled."""
    values = {
        "payment_list_id": made.payment_list_id,
        "payment_ids": [result.payment_id for result in taken],
        "statuses": [result.status for result in taken],
        "reasons": [result.reason for result in taken],
        "days": [result.on for result in taken],
    }
    await (await session.connection()).execute(_WAIT, values)


async def _settle(session: Session, made: PaymentList, results: dict[UUID, Result]) -> None:
    """Every row is locked before the first one changes, whatever the payer says of each."""
    line = (await session.get_one(FundLineRow, made.fund_line_id)).code
    items = await lock_for_settling(session, made, list(results))
    paid = [item for item in items if results[item.payment_id].status == "paid"]
    unpaid = [item.payment_id for item in items if results[item.payment_id].status != "paid"]
    if paid:
        await _pay(session, made, paid, results, line)
    if unpaid:
        await _fail(session, made, unpaid, results, line)


async def _pay(
    session: Session, made: PaymentList, paid: Sequence[Committed], results: dict[UUID, Result], line: str
) -> None:
    """A statement per table, however many items: a run is as fast as the database can write it."""
    payments = [item.payment_id for item in paid]
    entitlements = [item.entitlement_id for item in paid]
    days = [results[payment_id].on for payment_id in payments]
    connection = await session.connection()
    await connection.execute(_PAID, {"payment_ids": payments, "days": days, "state": PaymentState.PAID.value})
    await connection.execute(_ENTITLED, {"entitlement_ids": entitlements, "state": EntitlementState.PAID.value})
    moved = [Item(item.rupiah, item.entitlement_id, item.payment_id) for item in paid]
    await must_move(session, made.fund_line_id, Move.REALISE, moved, reason="paid", by=PAYER)
    decree = _decree(made)
    for item, day in zip(paid, days, strict=True):
        announce(session, _disbursed(made, item, day, line, decree))


async def _fail(
    session: Session, made: PaymentList, unpaid: Sequence[UUID], results: dict[UUID, Result], line: str
) -> None:
    rows = await lock_items(session, made, PaymentState.COMMITTED, unpaid)
    for payment, _, _ in rows:
        result = results[payment.payment_id]
        payment.state, payment.settled_on, payment.reason = PaymentState.FAILED, result.on, result.reason
        announce(session, failed(made, payment, line))
    await session.flush()
    await let_go(session, await in_force(session, made.programme), made, rows, Move.FAIL, reason="not-paid", by=PAYER)


async def close(session: Session, made: PaymentList) -> None:
    """A (locked) approved list is settled when every item has its result."""
    if made.state != ListState.APPROVED or await _has_committed(session, made):
        return
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


async def _has_committed(session: Session, made: PaymentList) -> bool:
    """Asked first: a long list is not counted each time that a part of it is settled."""
    one = select(col(Payment.payment_id)).where(
        col(Payment.payment_list_id) == made.payment_list_id, col(Payment.state) == PaymentState.COMMITTED
    )
    return (await session.execute(one.limit(1))).first() is not None


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


def _decree(made: PaymentList) -> Decree:
    assert made.decree_dated is not None  # noqa: S101 - an approved list's
    return Decree(number=made.decree_number or "", dated=made.decree_dated, list_sha256=made.list_sha256)


def _disbursed(made: PaymentList, item: Committed, paid_on: date, line: str, decree: Decree) -> AidDisbursed:
    return AidDisbursed(
        programme_id=made.programme_id,
        programme=made.programme,
        household_id=item.household_id,
        region=item.region,
        payment_id=item.payment_id,
        entitlement_id=item.entitlement_id,
        enrolment_id=item.enrolment_id,
        period=made.period,
        fund_line=line,
        rupiah=item.rupiah,
        persons=item.persons,
        payment_list_id=made.payment_list_id,
        paid_on=paid_on,
        decree=decree,
    )


# Here and below: rows that an array names are found by their keys, whatever the planner believes of a table that has
# just grown by a million.
_TAKE = text(
    """
    delete from result_row where payment_id = any(array(
        select payment_id from result_row where payment_list_id = :payment_list_id order by payment_id limit :limit
    ))
    returning payment_id, status, reason, settled_on
    """
)
_WAIT = text(
    """
    insert into result_row (payment_id, payment_list_id, status, reason, settled_on)
    select payment_id, :payment_list_id, status, reason, settled_on
    from unnest(
        cast(:payment_ids as uuid[]), cast(:statuses as text[]), cast(:reasons as text[]), cast(:days as date[])
    ) as result(payment_id, status, reason, settled_on)
    on conflict do nothing
    """
)
_PAID = text(
    """
    update payment set state = :state, settled_on = result.settled_on
    from unnest(cast(:payment_ids as uuid[]), cast(:days as date[])) as result(payment_id, settled_on)
    where payment.payment_id = result.payment_id and payment.payment_id = any(cast(:payment_ids as uuid[]))
    """
)
_ENTITLED = text("update entitlement set state = :state where entitlement_id = any(cast(:entitlement_ids as uuid[]))")
