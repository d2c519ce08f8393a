"""Case work: services, graduation with objections, and taking decisions back by a second person."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs import graduate, take_back
from services.programs.answers import CorrectionAnswer, DeliveryAnswer, GraduationAnswer, ObjectionAnswer
from services.programs.api.listed import require_listed
from services.programs.api.who import Decider, Maker, Officer, Reader
from services.programs.bodies import AnswerSent, DecisionSent, GraduationSent, ReasonSent, ReturnSent, ServiceSent
from services.programs.deliver_service import deliver
from services.programs.models import (
    Correction,
    CorrectionKind,
    Enrolment,
    GraduationRow,
    GraduationState,
    Objection,
)
from services.programs.moment import today
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller, Role
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["case work"])

_REASONS = {
    CorrectionKind.VOID: "EnrolmentVoided.reason",
    CorrectionKind.END: "EnrolmentEnded.reason",
    CorrectionKind.RESUME: "EnrolmentResumed.reason",
    CorrectionKind.REVERSE_GRADUATION: "GraduationReversed.reason",
    CorrectionKind.REVERSE_PAYMENT: "AidReversed.reason",
    CorrectionKind.RETURN_PAYMENT: "AidReturned.reason",
}
"""Which list of codes a request takes its reason from."""
OF_MONEY = (CorrectionKind.REVERSE_PAYMENT, CorrectionKind.RETURN_PAYMENT)


@router.post("/enrolments/{enrolment_id}/services", status_code=201)
async def record_service(enrolment_id: UUID, body: ServiceSent, caller: Officer, session: SessionDep) -> DeliveryAnswer:
    """Record that a service reached a household, e.g. one coaching visit."""
    enrolment = await _enrolment(session, enrolment_id, caller)
    delivery = await deliver(session, enrolment, body, caller.principal)
    return DeliveryAnswer(**delivery.model_dump(include=set(DeliveryAnswer.model_fields)))


@router.post("/enrolments/{enrolment_id}/graduations", status_code=201)
async def propose_graduation(
    enrolment_id: UUID, body: GraduationSent, caller: Officer, session: SessionDep
) -> GraduationAnswer:
    """Propose that a household leaves because it succeeded; it may be objected to until the day in the answer."""
    enrolment = await _enrolment(session, enrolment_id, caller)
    graduation = await graduate.propose(session, enrolment, body.reason, body.evidence, caller.principal)
    return _graduation(graduation)


@router.get("/graduations/{graduation_id}")
async def show_graduation(graduation_id: UUID, caller: Reader, session: SessionDep) -> GraduationAnswer:
    graduation = await session.get(GraduationRow, graduation_id)
    if graduation is None:
        raise Problem("graduation-not-found", status=404, field="graduation_id")
    caller.require_region((await session.get_one(Enrolment, graduation.enrolment_id)).region)
    return _graduation(graduation)


@router.post("/graduations/{graduation_id}/objections", status_code=201)
async def object_to_graduation(
    graduation_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep
) -> ObjectionAnswer:
    """Record an objection of the family or of somebody else; it is answered before anybody decides."""
    graduation = await graduate.lock_graduation(session, graduation_id)
    await _enrolment(session, graduation.enrolment_id, caller)
    if graduation.state != GraduationState.PROPOSED or today(session) > graduation.objections_until:
        raise Problem("objection-too-late", status=409, until=graduation.objections_until.isoformat())
    objection = Objection(
        objection_id=uuid7(),
        graduation_id=graduation_id,
        reason=body.reason,
        filed_by=caller.principal,
        filed_on=today(session),
    )
    session.add(objection)
    await session.flush()
    return _objection(objection)


@router.post("/objections/{objection_id}/answer")
async def answer_objection(
    objection_id: UUID, body: AnswerSent, caller: Officer, session: SessionDep
) -> ObjectionAnswer:
    """Answer an objection."""
    found = await session.execute(
        select(Objection).where(col(Objection.objection_id) == objection_id).with_for_update()
    )
    objection = found.scalar_one_or_none()
    if objection is None:
        raise Problem("objection-not-found", status=404, field="objection_id")
    objection.answer, objection.answered_by = body.answer, caller.principal
    await session.flush()
    return _objection(objection)


@router.post("/graduations/{graduation_id}/decision")
async def decide_graduation(
    graduation_id: UUID, body: DecisionSent, caller: Officer, session: SessionDep
) -> GraduationAnswer:
    """Decide, as another person than the proposer. The place that becomes free is offered to the next at once."""
    graduation = await graduate.lock_graduation(session, graduation_id)
    enrolment = await _enrolment(session, graduation.enrolment_id, caller)
    await graduate.decide(session, graduation, enrolment, approve=body.approve, by=caller.principal)
    return _graduation(graduation)


@router.post("/graduations/{graduation_id}/reversal", status_code=202)
async def ask_graduation_reversal(
    graduation_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep
) -> CorrectionAnswer:
    """Ask that a graduation be taken back."""
    graduation = await session.get(GraduationRow, graduation_id)
    if graduation is None:
        raise Problem("graduation-not-found", status=404, field="graduation_id")
    enrolment = await _enrolment(session, graduation.enrolment_id, caller)
    return await _ask(session, CorrectionKind.REVERSE_GRADUATION, graduation_id, enrolment.region, body, caller)


@router.post("/enrolments/{enrolment_id}/void", status_code=202)
async def ask_void(enrolment_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep) -> CorrectionAnswer:
    """Ask that an enrolment be undone, as if it had never been: place, rank and reserved money return."""
    enrolment = await _enrolment(session, enrolment_id, caller)
    return await _ask(session, CorrectionKind.VOID, enrolment_id, enrolment.region, body, caller)


@router.post("/enrolments/{enrolment_id}/end", status_code=202)
async def ask_end(enrolment_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep) -> CorrectionAnswer:
    """Ask that an enrolment end otherwise than by graduation."""
    enrolment = await _enrolment(session, enrolment_id, caller)
    return await _ask(session, CorrectionKind.END, enrolment_id, enrolment.region, body, caller)


@router.post("/enrolments/{enrolment_id}/resume", status_code=202)
async def ask_resume(enrolment_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep) -> CorrectionAnswer:
    """Ask that a suspended enrolment go on, e.g. after an overlap was looked at."""
    enrolment = await _enrolment(session, enrolment_id, caller)
    return await _ask(session, CorrectionKind.RESUME, enrolment_id, enrolment.region, body, caller)


@router.post("/payments/{payment_id}/reversal", status_code=202)
async def ask_payment_reversal(
    payment_id: UUID, body: ReasonSent, caller: Maker, session: SessionDep
) -> CorrectionAnswer:
    """Ask that a payment recorded in error be taken back in full."""
    payment = await take_back.lock_payment(session, payment_id)
    caller.require_region(payment.region)
    return await _ask(session, CorrectionKind.REVERSE_PAYMENT, payment_id, payment.region, body, caller)


@router.post("/payments/{payment_id}/return", status_code=202)
async def ask_payment_return(
    payment_id: UUID, body: ReturnSent, caller: Maker, session: SessionDep
) -> CorrectionAnswer:
    """Ask that money which came back be entered, whole or in part."""
    payment = await take_back.lock_payment(session, payment_id)
    caller.require_region(payment.region)
    return await _ask(session, CorrectionKind.RETURN_PAYMENT, payment_id, payment.region, body, caller)


@router.post("/corrections/{correction_id}/decision")
async def decide_correction(
    correction_id: UUID, body: DecisionSent, caller: Decider, session: SessionDep
) -> CorrectionAnswer:
    """Decide a request of another person; approved, it is carried out at once."""
    correction = await take_back.lock_correction(session, correction_id)
    caller.require_region(correction.region)
    needed = Role.PAYMENT_CHECKER if correction.kind in OF_MONEY else Role.PROGRAMME_OFFICER
    if needed not in caller.roles:
        raise Problem("correction-not-yours", status=403)
    await take_back.decide(session, correction, approve=body.approve, by=caller.principal)
    return _correction(correction)


async def _enrolment(session: Session, enrolment_id: UUID, caller: Caller) -> Enrolment:
    enrolment = await take_back.lock_enrolment(session, enrolment_id)
    caller.require_region(enrolment.region)
    return enrolment


async def _ask(
    session: Session,
    kind: CorrectionKind,
    target_id: UUID,
    region: str,
    body: ReasonSent | ReturnSent,
    caller: Caller,
) -> CorrectionAnswer:
    require_listed(session, _REASONS[kind], body.reason)
    rupiah = body.rupiah if isinstance(body, ReturnSent) else None
    return _correction(
        await take_back.ask(session, kind, target_id, region, reason=body.reason, by=caller.principal, rupiah=rupiah)
    )


def _graduation(row: GraduationRow) -> GraduationAnswer:
    return GraduationAnswer(**row.model_dump(include=set(GraduationAnswer.model_fields)))


def _objection(row: Objection) -> ObjectionAnswer:
    return ObjectionAnswer(**row.model_dump(include=set(ObjectionAnswer.model_fields)))


def _correction(row: Correction) -> CorrectionAnswer:
    return CorrectionAnswer(**row.model_dump(include=set(CorrectionAnswer.model_fields)))
