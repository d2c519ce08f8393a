"""Takes decisions back: asked for by one person, decided by another. Places, ranks and money return."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs import graduate
from services.programs.entitle import entitle_again, take_back_unpaid
from services.programs.load_programme import version_of
from services.programs.models import (
    Correction,
    CorrectionKind,
    CorrectionState,
    Enrolment,
    Entitlement,
    EntitlementState,
    FundLineRow,
    Payment,
    PaymentList,
    PaymentState,
)
from services.programs.moment import now, today
from services.programs.move_money import Item, must_move
from services.programs.release_slot import lock_place, release_place
from services.programs.rules.household import HeldStatus
from services.programs.rules.ledger import Move
from services.programs.suspend_enrolment import LIVE, lift, live_enrolments, of
from shared.events.programs import AidReturned, AidReversed, EnrolmentEnded, EnrolmentVoided
from shared.messaging import Session, announce
from shared.problem import Problem


async def ask(
    session: Session,
    kind: CorrectionKind,
    target_id: UUID,
    region: str,
    *,
    reason: str,
    by: str,
    rupiah: int | None = None,
) -> Correction:
    """Keep the request; nothing changes until a second person has decided. Raises 409 where one is open already."""
    known = await session.execute(
        select(col(Correction.correction_id)).where(
            col(Correction.kind) == kind,
            col(Correction.target_id) == target_id,
            col(Correction.state) == CorrectionState.REQUESTED,
        )
    )
    if known.first() is not None:
        raise Problem("correction-open", status=409)
    correction = Correction(
        correction_id=uuid7(),
        kind=kind,
        target_id=target_id,
        region=region,
        reason=reason,
        rupiah=rupiah,
        requested_by=by,
        requested_at=now(session),
    )
    session.add(correction)
    await session.flush()
    return correction


async def lock_correction(session: Session, correction_id: UUID) -> Correction:
    """The request as it is now. Raises 404."""
    found = await session.execute(
        select(Correction).where(col(Correction.correction_id) == correction_id).with_for_update()
    )
    correction: Correction | None = found.scalar_one_or_none()
    if correction is None:
        raise Problem("correction-not-found", status=404, field="correction_id")
    return correction


async def decide(session: Session, correction: Correction, *, approve: bool, by: str) -> None:
    """Decide a (locked) request; approved, it is carried out here and now."""
    if correction.state != CorrectionState.REQUESTED:
        raise Problem("already-decided", status=409, state=correction.state)
    if correction.requested_by == by:
        raise Problem("second-person-required", status=409)
    correction.state = CorrectionState.APPROVED if approve else CorrectionState.REFUSED
    correction.decided_by = by
    await session.flush()
    if not approve:
        return
    match CorrectionKind(correction.kind):
        case CorrectionKind.VOID:
            await _void(session, await lock_enrolment(session, correction.target_id), correction.reason, by)
        case CorrectionKind.END:
            await _end(session, await lock_enrolment(session, correction.target_id), correction.reason, by)
        case CorrectionKind.RESUME:
            enrolment = await lock_enrolment(session, correction.target_id)
            await lift(session, enrolment, because=correction.reason)
        case CorrectionKind.REVERSE_GRADUATION:
            graduation = await graduate.lock_graduation(session, correction.target_id)
            enrolment = await lock_enrolment(session, graduation.enrolment_id)
            await graduate.reverse(session, graduation, enrolment, correction.reason)
        case CorrectionKind.REVERSE_PAYMENT:
            enrolment = await lock_enrolment(
                session, (await session.get_one(Payment, correction.target_id)).enrolment_id
            )
            payment = await lock_payment(session, correction.target_id)
            await _reverse(session, payment, enrolment, correction.reason, by)
        case CorrectionKind.RETURN_PAYMENT:
            payment = await lock_payment(session, correction.target_id)
            await _return(session, payment, correction.rupiah or payment.rupiah, correction.reason, by)


async def lock_enrolment(session: Session, enrolment_id: UUID) -> Enrolment:
    """The enrolment as it is now. Raises 404."""
    found = await session.execute(
        select(Enrolment)
        .where(col(Enrolment.enrolment_id) == enrolment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    enrolment: Enrolment | None = found.scalar_one_or_none()
    if enrolment is None:
        raise Problem("enrolment-not-found", status=404, field="enrolment_id")
    return enrolment


async def lock_payment(session: Session, payment_id: UUID) -> Payment:
    """The payment as it is now. Raises 404."""
    found = await session.execute(
        select(Payment)
        .where(col(Payment.payment_id) == payment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    payment: Payment | None = found.scalar_one_or_none()
    if payment is None:
        raise Problem("payment-not-found", status=404, field="payment_id")
    return payment


async def _void(session: Session, enrolment: Enrolment, reason: str, by: str) -> None:
    """As if it had never been. What was paid is reversed or returned first: money has a history of its own."""
    if enrolment.status not in LIVE:
        raise Problem("enrolment-not-active", status=409, state=enrolment.status)
    await _require_unpaid(session, enrolment)
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    on = today(session)
    await lock_place(session, running, enrolment)
    returned = await take_back_unpaid(session, [enrolment.enrolment_id], reason=reason, by=by)
    enrolment.status, enrolment.reason, enrolment.ended_on = HeldStatus.VOIDED, reason, on
    await session.flush()
    announce(
        session,
        EnrolmentVoided(
            **of(enrolment),
            reason=reason,
            voided_on=on,
            slot_id=enrolment.slot_id,
            rank=enrolment.rank,
            returned_rupiah=returned,
            corrects=enrolment.decision_id,
        ),
    )
    await release_place(session, running, enrolment, reason="voided", on=on, back_to_rank=True)


async def _end(session: Session, enrolment: Enrolment, reason: str, by: str) -> None:
    if enrolment.status not in LIVE:
        raise Problem("enrolment-not-active", status=409, state=enrolment.status)
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    on = today(session)
    await lock_place(session, running, enrolment)
    await take_back_unpaid(session, [enrolment.enrolment_id], reason=reason, by=by)
    enrolment.status, enrolment.reason, enrolment.ended_on = HeldStatus.ENDED, reason, on
    await session.flush()
    announce(session, EnrolmentEnded(**of(enrolment), reason=reason, ended_on=on))
    await release_place(session, running, enrolment, reason="ended", on=on)


async def _require_unpaid(session: Session, enrolment: Enrolment) -> None:
    found = await session.execute(
        select(col(Payment.payment_id))
        .where(col(Payment.enrolment_id) == enrolment.enrolment_id, col(Payment.state) == PaymentState.PAID)
        .limit(1)
    )
    if found.first() is not None:
        raise Problem("enrolment-was-paid", status=409)


async def _reverse(session: Session, payment: Payment, enrolment: Enrolment, reason: str, by: str) -> None:
    """The payment was recorded in error: the counter-entry takes it back in full, and it may be paid anew."""
    if payment.state != PaymentState.PAID or payment.returned_rupiah:
        raise Problem("payment-not-paid", status=409, state=payment.state)
    made, line, entitlement = await _around(session, payment)
    item = Item(payment.rupiah, payment.entitlement_id, payment.payment_id)
    await must_move(session, line.fund_line_id, Move.REVERSE, [item], reason=reason, by=by)
    payment.state, payment.reason = PaymentState.REVERSED, reason
    entitlement.state = EntitlementState.REVERSED
    await session.flush()
    announce(
        session,
        AidReversed(
            **_of_payment(made, payment, line.code),
            rupiah=payment.rupiah,
            reversed_on=today(session),
            reason=reason,
            corrects=payment.payment_id,
        ),
    )
    # A household that has entered anew since is the one that may be paid anew.
    for current in await live_enrolments(session, enrolment.household_id):
        if current.programme_id == enrolment.programme_id:
            await entitle_again(session, current)


async def _return(session: Session, payment: Payment, rupiah: int, reason: str, by: str) -> None:
    """Money came back, whole or in part. It goes to the treasury, so nothing more may be paid of it."""
    if payment.state != PaymentState.PAID:
        raise Problem("payment-not-paid", status=409, state=payment.state)
    left = payment.rupiah - payment.returned_rupiah
    if rupiah > left:
        raise Problem("returns-more-than-paid", status=409, field="rupiah", left=left)
    made, line, entitlement = await _around(session, payment)
    item = Item(rupiah, payment.entitlement_id, payment.payment_id)
    await must_move(session, line.fund_line_id, Move.RETURN, [item], reason=reason, by=by)
    payment.returned_rupiah += rupiah
    if payment.returned_rupiah == payment.rupiah:
        payment.state, payment.reason = PaymentState.RETURNED, reason
        entitlement.state = EntitlementState.RETURNED
    await session.flush()
    announce(
        session,
        AidReturned(**_of_payment(made, payment, line.code), rupiah=rupiah, returned_on=today(session), reason=reason),
    )


async def _around(session: Session, payment: Payment) -> tuple[PaymentList, FundLineRow, Entitlement]:
    made = await session.get_one(PaymentList, payment.payment_list_id)
    line = await session.get_one(FundLineRow, made.fund_line_id)
    entitlement = await session.get_one(Entitlement, payment.entitlement_id, with_for_update=True)
    return made, line, entitlement


def _of_payment(made: PaymentList, payment: Payment, line: str) -> dict[str, object]:
    return {
        "programme_id": made.programme_id,
        "programme": made.programme,
        "household_id": payment.household_id,
        "region": payment.region,
        "payment_id": payment.payment_id,
        "entitlement_id": payment.entitlement_id,
        "enrolment_id": payment.enrolment_id,
        "period": made.period,
        "fund_line": line,
        "persons": payment.persons,
    }
