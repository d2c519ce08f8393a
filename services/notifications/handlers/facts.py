"""Projections: every fact is kept as announced; those that move a household are worked into the board's tables."""

from __future__ import annotations

from collections.abc import Sequence

from services.notifications.handlers.router import router
from services.notifications.models import CohortEntry
from services.notifications.remember import consider, lock_entries, lock_households, remember
from shared.events.envelope import Event
from shared.events.intake import (
    CohortClosed,
    CohortEntryResolved,
    DuplicateResolved,
    DuplicateSuspected,
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
    RegisterSnapshotImported,
)
from shared.events.notifications import AgencySilent
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    AidReturned,
    AidReversed,
    EnrolmentEnded,
    EnrolmentResumed,
    EnrolmentSuspended,
    EnrolmentVoided,
    FundLineExhausted,
    FundLineOpened,
    GraduationProposed,
    GraduationReversed,
    HouseholdEnrolled,
    HouseholdGraduated,
    HouseholdWaitlisted,
    OfferDeclined,
    OverlapDetected,
    PaymentListSettled,
    PaymentListSubmitted,
    ProgrammePublished,
    QuotaAllocated,
    QuotaThresholdReached,
    ServiceDelivered,
    SlotFilled,
    SlotOffered,
    SlotReleased,
)
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationClosed,
    VerificationExpired,
    VerificationOpened,
    VerificationRevoked,
    VisitRecorded,
    VisitsOverdue,
)
from shared.messaging import Fact, Session

MOVES_A_HOUSEHOLD: tuple[type[Event], ...] = (
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
    VerificationOpened,
    HouseholdVerified,
    HouseholdRejected,
    VerificationRevoked,
    VerificationExpired,
    VerificationClosed,
    HouseholdEnrolled,
    EnrolmentSuspended,
    EnrolmentResumed,
    EnrolmentEnded,
    EnrolmentVoided,
    AidDisbursed,
    AidReturned,
    AidReversed,
    ServiceDelivered,
    HouseholdGraduated,
    GraduationReversed,
)
"""May change the bucket of an entry or the stage of a household."""

KEPT_ONLY: tuple[type[Event], ...] = (
    CohortClosed,
    RegisterSnapshotImported,
    DuplicateSuspected,
    DuplicateResolved,
    VisitRecorded,
    VisitsOverdue,
    ProgrammePublished,
    QuotaAllocated,
    FundLineOpened,
    FundLineExhausted,
    QuotaThresholdReached,
    HouseholdWaitlisted,
    SlotOffered,
    OfferDeclined,
    SlotFilled,
    SlotReleased,
    AidFailed,
    GraduationProposed,
    OverlapDetected,
    PaymentListSubmitted,
    PaymentListSettled,
    AgencySilent,
)
"""Figures of programmes, lists and deployments, and what is shown of a household without moving it."""


async def keep(events: Sequence[Event], session: Session, facts: Sequence[Fact]) -> None:
    """Keep the facts; they are counted where they are shown."""
    await remember(session, events, facts)


async def move_households(events: Sequence[Event], session: Session, facts: Sequence[Fact]) -> None:
    """Keep the facts and work out anew where their households stand, and the entries of closed lists with them."""
    await remember(session, events, facts)
    await consider(session, (event.subject_id for event in events))


@router.project(CohortEntryResolved, batch=True)
async def place_entries(events: Sequence[CohortEntryResolved], session: Session, facts: Sequence[Fact]) -> None:
    """Keep the words about rows of a closed list and work out where these rows stand."""
    await lock_households(session, [event.subject_id for event in events])
    await lock_entries(session, [CohortEntry(entry_id=event.entry_id, cohort=event.cohort) for event in events])
    await move_households(events, session, facts)


for _event in MOVES_A_HOUSEHOLD:
    router.project(_event, batch=True)(move_households)
for _event in KEPT_ONLY:
    router.project(_event, batch=True)(keep)
