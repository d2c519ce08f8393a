"""What a household receives, by enrolment: of every agency, the city's and the province's alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias, get_args
from uuid import UUID

from services.notifications.rules.dated import Dated
from shared.events.fields import Unit
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    AidReturned,
    AidReversed,
    EnrolmentEnded,
    EnrolmentResumed,
    EnrolmentSuspended,
    EnrolmentVoided,
    GraduationReversed,
    HouseholdEnrolled,
    HouseholdGraduated,
    ServiceDelivered,
)

OfEnrolment: TypeAlias = (
    HouseholdEnrolled
    | EnrolmentSuspended
    | EnrolmentResumed
    | EnrolmentEnded
    | EnrolmentVoided
    | HouseholdGraduated
    | GraduationReversed
    | AidDisbursed
    | AidFailed
    | AidReturned
    | AidReversed
    | ServiceDelivered
)
OF_ENROLMENT = frozenset[type](get_args(OfEnrolment))


class EnrolmentStatus(StrEnum):
    ENROLLED = "enrolled"
    SUSPENDED = "suspended"
    ENDED = "ended"
    GRADUATED = "graduated"
    VOIDED = "voided"
    UNKNOWN = "unknown"
    """Something was paid or delivered on an enrolment whose own fact was not heard yet."""


STATUS_AFTER: dict[type, EnrolmentStatus] = {
    HouseholdEnrolled: EnrolmentStatus.ENROLLED,
    EnrolmentSuspended: EnrolmentStatus.SUSPENDED,
    EnrolmentResumed: EnrolmentStatus.ENROLLED,
    EnrolmentEnded: EnrolmentStatus.ENDED,
    EnrolmentVoided: EnrolmentStatus.VOIDED,
    HouseholdGraduated: EnrolmentStatus.GRADUATED,
    GraduationReversed: EnrolmentStatus.ENROLLED,
}


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A household in a programme of an agency, with what reached it there."""

    enrolment_id: UUID
    agency: str
    programme: str
    status: EnrolmentStatus
    unit: Unit | None
    members: frozenset[UUID]
    """Who benefits; nobody named means the whole household."""
    persons: int
    started_on: date | None
    paid_rupiah: int
    """What was paid and neither returned nor reversed."""
    payments: int
    failed_payments: int
    services: int
    served_persons: int

    @property
    def stands(self) -> bool:
        return self.status not in (EnrolmentStatus.VOIDED, EnrolmentStatus.UNKNOWN)

    @property
    def current(self) -> bool:
        return self.status in (EnrolmentStatus.ENROLLED, EnrolmentStatus.SUSPENDED)

    @property
    def served(self) -> bool:
        """A payment that stands, or a service; a service under a voided enrolment counts for nothing."""
        return self.payments > 0 or (self.services > 0 and self.status is not EnrolmentStatus.VOIDED)

    def benefits(self, member: UUID | None) -> bool:
        """Per person only those named benefit; a programme for families, houses or groups serves the household."""
        return self.unit is not Unit.PERSON or not self.members or member in self.members


EnrolmentKey: TypeAlias = tuple[str, UUID]
"""Agency and id: an id alone is anybody's to name."""


def enrolment_of(enrolment_id: UUID, told: Iterable[Dated]) -> Enrolment:
    """An enrolment, by the word of its own agency alone.

    What another agency announces under the same enrolment or payment id is an enrolment of that agency's: it neither
    ends the first one nor takes its money back.
    """
    facts = sorted(told, key=lambda fact: fact.position)
    status = EnrolmentStatus.UNKNOWN
    enrolled: HouseholdEnrolled | None = None
    for fact in facts:
        status = STATUS_AFTER.get(type(fact.event), status)
        if isinstance(fact.event, HouseholdEnrolled):
            enrolled = fact.event
    events = [fact.event for fact in facts]
    standing = _standing_payments(events)
    services = [event for event in events if isinstance(event, ServiceDelivered)]
    return Enrolment(
        enrolment_id=enrolment_id,
        agency=facts[0].agency,
        programme=str(getattr(events[0], "programme", "")),
        status=status,
        unit=enrolled.unit if enrolled else None,
        members=frozenset(enrolled.members) if enrolled else frozenset(),
        persons=enrolled.persons if enrolled else 0,
        started_on=enrolled.started_on if enrolled else None,
        paid_rupiah=sum(rupiah for _, rupiah in standing),
        payments=len(standing),
        failed_payments=sum(isinstance(event, AidFailed) for event in events),
        services=len(services),
        served_persons=max(
            [payment.persons for payment, _ in standing] + [service.persons for service in services], default=0
        ),
    )


def _standing_payments(events: Iterable[object]) -> list[tuple[AidDisbursed, int]]:
    """Payments of which something is left, with what is left: what came back or was reversed is taken off."""
    paid: dict[UUID, AidDisbursed] = {}
    back: dict[UUID, int] = {}
    for event in events:
        if isinstance(event, AidDisbursed):
            paid[event.payment_id] = event
        elif isinstance(event, (AidReturned, AidReversed)):
            back[event.payment_id] = back.get(event.payment_id, 0) + event.rupiah
    left = [(payment, payment.rupiah - back.get(payment_id, 0)) for payment_id, payment in paid.items()]
    # Goods have no rupiah: they stand until something about them is taken back.
    return [(payment, rupiah) for payment, rupiah in left if rupiah > 0 or payment.payment_id not in back]
