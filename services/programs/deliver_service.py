"""Records a service that reached an enrolled household."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from services.programs.bodies import ServiceSent
from services.programs.load_programme import version_of
from services.programs.models import Delivery, Enrolment
from services.programs.moment import today
from services.programs.rules.household import HeldStatus
from services.programs.suspend_enrolment import of
from shared.events.programs import ServiceDelivered
from shared.messaging import Session, announce
from shared.problem import Problem


async def deliver(session: Session, enrolment: Enrolment, sent: ServiceSent, by: str) -> Delivery:
    """Keep and announce the service. Raises 409 or 422 for one that cannot have been of this enrolment."""
    if enrolment.status != HeldStatus.ACTIVE:
        raise Problem("enrolment-not-active", status=409, state=enrolment.status)
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    if sent.service not in running.programme.services:
        known = ", ".join(running.programme.services) or "-"
        raise Problem("service-unknown", status=422, field="service", known=known)
    if not enrolment.started_on <= sent.delivered_on <= today(session):
        raise Problem("service-outside-enrolment", status=422, field="delivered_on")
    members = sent.members or [UUID(member) for member in enrolment.members]
    if not set(map(str, members)) <= set(enrolment.members):
        raise Problem("service-for-strangers", status=422, field="members")
    delivery = Delivery(
        delivery_id=uuid7(),
        enrolment_id=enrolment.enrolment_id,
        service=sent.service,
        members=[str(member) for member in members],
        delivered_on=sent.delivered_on,
        minutes=sent.minutes,
        recorded_by=by,
    )
    session.add(delivery)
    await session.flush()
    announce(
        session,
        ServiceDelivered(
            **of(enrolment),
            delivery_id=delivery.delivery_id,
            service=delivery.service,
            members=members,
            persons=len(members),
            delivered_on=delivery.delivered_on,
            minutes=delivery.minutes,
        ),
    )
    return delivery
