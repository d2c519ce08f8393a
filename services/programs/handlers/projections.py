"""What this deployment remembers of all services: register, closed lists, visits, and what every agency gives.

Each fold is independent of order: the highest revision wins, or the highest sequence of a source about a household.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sqlalchemy import Table, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.programs.among import among
from services.programs.handlers.router import router
from services.programs.look_at import REGISTERED, VERIFIED
from services.programs.models import (
    Row,
    SeenEnrolment,
    SeenPayment,
    SeenProfile,
)
from services.programs.rules.household import HeldStatus, VerificationStatus
from shared.events.fields import MemberOutcome
from shared.events.intake import (
    CohortEntryResolved,
    DuplicateResolved,
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
)
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
    ProgrammePublished,
    ServiceDelivered,
)
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationExpired,
    VerificationRevoked,
    VerifiedProfile,
)
from shared.messaging import Fact, Session, Tombstone


@router.project(HouseholdRegistered, batch=True)
async def remember_households(events: list[HouseholdRegistered], session: Session) -> None:
    await _upsert(session, "seen_household", [_household(event) for event in events], newer="revision")


@router.project(HouseholdUpdated)
async def remember_household(event: HouseholdUpdated, session: Session) -> None:
    await _upsert(session, "seen_household", [_household(event)], newer="revision")


@router.project(HouseholdWithdrawn)
async def remember_withdrawal(event: HouseholdWithdrawn, session: Session) -> None:
    row = {
        "household_id": event.household_id,
        "region": event.region,
        "members": [],
        "withdrawn": True,
        "revision": event.revision,
    }
    await _upsert(session, "seen_household", [row], newer="revision")


@router.project(CohortEntryResolved, batch=True)
async def remember_cohort_entries(events: list[CohortEntryResolved], session: Session) -> None:
    rows = [
        {
            "entry_id": event.entry_id,
            "cohort": event.cohort,
            "outcome": event.outcome.value,
            "household_id": event.household_id,
            "member_id": event.member_id,
            "revision": event.revision,
        }
        for event in events
    ]
    await _upsert(session, "seen_cohort_entry", rows, newer="revision")


@router.project(HouseholdProfile, batch=True)
async def remember_profiles(events: list[HouseholdProfile | Tombstone], session: Session) -> None:
    await _keep_profiles(session, REGISTERED, events)


@router.project(VerifiedProfile, batch=True)
async def remember_verified_profiles(events: list[VerifiedProfile | Tombstone], session: Session) -> None:
    await _keep_profiles(session, VERIFIED, events)


@router.project(HouseholdVerified, batch=True)
async def remember_verified(events: list[HouseholdVerified], session: Session, facts: list[Fact]) -> None:
    rows = [
        {
            **_word(event, fact, VerificationStatus.VERIFIED),
            "category": event.category.value,
            "score": event.score,
            "decided_on": event.decided_on,
            "valid_until": event.valid_until,
            "profile_revision": event.profile_revision,
            "confirmed": sorted(
                str(each.member_id) for each in event.outcomes if each.outcome is MemberOutcome.CONFIRMED
            ),
        }
        for event, fact in zip(events, facts, strict=True)
    ]
    await _upsert(session, "seen_verification", rows, newer="sequence")


@router.project(HouseholdRejected, batch=True)
async def remember_rejected(events: list[HouseholdRejected], session: Session, facts: list[Fact]) -> None:
    rows = [
        _word(event, fact, VerificationStatus.REJECTED) | {"score": event.score, "decided_on": event.decided_on}
        for event, fact in zip(events, facts, strict=True)
    ]
    await _upsert(session, "seen_verification", rows, newer="sequence")


@router.project(VerificationRevoked)
async def remember_revoked(event: VerificationRevoked, session: Session, fact: Fact) -> None:
    await _upsert(session, "seen_verification", [_word(event, fact, VerificationStatus.REVOKED)], newer="sequence")


@router.project(VerificationExpired)
async def remember_expired(event: VerificationExpired, session: Session, fact: Fact) -> None:
    await _upsert(session, "seen_verification", [_word(event, fact, VerificationStatus.EXPIRED)], newer="sequence")


@router.project(DuplicateSuspected)
async def remember_suspicion(event: DuplicateSuspected, session: Session, fact: Fact) -> None:
    await _upsert(session, "seen_duplicate", [_question(event, fact, blocks=event.blocks_payment)], newer="sequence")


@router.project(DuplicateResolved)
async def remember_resolution(event: DuplicateResolved, session: Session, fact: Fact) -> None:
    await _upsert(session, "seen_duplicate", [_question(event, fact, blocks=False)], newer="sequence")


@router.project(ProgrammePublished)
async def remember_programme(event: ProgrammePublished, session: Session, fact: Fact) -> None:
    row = {
        "programme_id": event.programme_id,
        "agency": fact.agency,
        "programme": event.programme,
        "version": event.version,
        "title": event.title,
        "benefit_kind": event.benefit_kind,
        "strategy": event.strategy,
        "unit": event.unit.value,
        "status": event.status.value,
    }
    await _upsert(session, "seen_programme", [row], newer="version")


@router.project(HouseholdEnrolled, batch=True)
async def remember_enrolments(events: list[HouseholdEnrolled], session: Session, facts: list[Fact]) -> None:
    rows = [
        {
            "enrolment_id": event.enrolment_id,
            "household_id": event.household_id,
            "region": event.region,
            "agency": fact.agency,
            "programme_id": event.programme_id,
            "programme": event.programme,
            "unit": event.unit.value,
            "persons": event.persons,
            "status": HeldStatus.ACTIVE.value,
            "reason": None,
            "started_on": event.started_on,
            "ended_on": None,
            "sequence": _sequence(fact),
        }
        for event, fact in zip(events, facts, strict=True)
    ]
    await _upsert(session, "seen_enrolment", rows, newer="sequence")


@router.project(EnrolmentSuspended)
async def remember_suspension(event: EnrolmentSuspended, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.SUSPENDED)


@router.project(EnrolmentResumed)
async def remember_resumption(event: EnrolmentResumed, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ACTIVE)


@router.project(EnrolmentEnded)
async def remember_end(event: EnrolmentEnded, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ENDED, ended_on=event.ended_on)


@router.project(EnrolmentVoided)
async def remember_void(event: EnrolmentVoided, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.VOIDED, ended_on=event.voided_on)


@router.project(HouseholdGraduated)
async def remember_graduation(event: HouseholdGraduated, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.GRADUATED, ended_on=event.graduated_on)


@router.project(GraduationReversed)
async def remember_reversed_graduation(event: GraduationReversed, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ACTIVE)


@router.project(AidDisbursed, batch=True)
async def remember_payments(events: list[AidDisbursed], session: Session, facts: list[Fact]) -> None:
    rows = [_payment(event, fact, "paid", event.paid_on) for event, fact in zip(events, facts, strict=True)]
    await _upsert(session, "seen_payment", rows, newer="sequence")


@router.project(AidFailed, batch=True)
async def remember_failures(events: list[AidFailed], session: Session, facts: list[Fact]) -> None:
    rows = [
        _payment(event, fact, "failed", event.failed_on) | {"reason": event.reason}
        for event, fact in zip(events, facts, strict=True)
    ]
    await _upsert(session, "seen_payment", rows, newer="sequence")


@router.project(AidReturned)
async def remember_return(event: AidReturned, session: Session, fact: Fact) -> None:
    """What comes back adds up: money may return in parts."""
    back = func.least(col(SeenPayment.returned_rupiah) + event.rupiah, col(SeenPayment.rupiah))
    await session.execute(
        update(SeenPayment)
        .where(col(SeenPayment.payment_id) == event.payment_id, col(SeenPayment.sequence) < _sequence(fact))
        .values(status="returned", reason=event.reason, returned_rupiah=back, sequence=_sequence(fact))
        .execution_options(synchronize_session=False)
    )


@router.project(AidReversed)
async def remember_reversal(event: AidReversed, session: Session, fact: Fact) -> None:
    await session.execute(
        update(SeenPayment)
        .where(col(SeenPayment.payment_id) == event.payment_id, col(SeenPayment.sequence) < _sequence(fact))
        .values(status="reversed", reason=event.reason, sequence=_sequence(fact))
        .execution_options(synchronize_session=False)
    )


@router.project(ServiceDelivered)
async def remember_service(event: ServiceDelivered, session: Session, fact: Fact) -> None:
    row = {
        "delivery_id": event.delivery_id,
        "household_id": event.household_id,
        "agency": fact.agency,
        "programme": event.programme,
        "service": event.service,
        "persons": event.persons,
        "delivered_on": event.delivered_on,
    }
    statement = insert(Row.metadata.tables["seen_service"]).on_conflict_do_nothing()
    await session.execute(statement, [row])


async def _turn(
    session: Session,
    event: EnrolmentSuspended
    | EnrolmentResumed
    | EnrolmentEnded
    | EnrolmentVoided
    | HouseholdGraduated
    | GraduationReversed,
    fact: Fact,
    status: HeldStatus,
    **changes: Any,
) -> None:
    await session.execute(
        update(SeenEnrolment)
        .where(
            col(SeenEnrolment.enrolment_id) == event.enrolment_id,
            col(SeenEnrolment.agency) == fact.agency,
            col(SeenEnrolment.sequence) < _sequence(fact),
        )
        .values({"ended_on": None, **changes, "status": status, "reason": event.reason, "sequence": _sequence(fact)})
        .execution_options(synchronize_session=False)
    )


async def _keep_profiles(session: Session, kind: str, events: list[Any]) -> None:
    """Keep the highest revision; where a profile was erased, forget it."""
    for erased, run in groupby(events, key=lambda event: isinstance(event, Tombstone)):
        if erased:
            households = [event.household_id for event in run]
            await session.execute(
                delete(SeenProfile).where(
                    among(col(SeenProfile.household_id), households), col(SeenProfile.kind) == kind
                )
            )
        else:
            rows = [
                {
                    "household_id": event.household_id,
                    "kind": kind,
                    "revision": event.revision,
                    "profile": event.model_dump(mode="json", exclude={"household_id", "region", "revision"}),
                }
                for event in run
            ]
            await _upsert(session, "seen_profile", rows, newer="revision")


async def _upsert(session: Session, table_name: str, rows: list[dict[str, Any]], *, newer: str) -> None:
    """Insert the rows; where one stands, replace it by a row of a higher revision, version or sequence."""
    table: Table = Row.metadata.tables[table_name]
    names = [column.name for column in table.columns if not column.primary_key]
    statement = insert(table)
    replaced = {name: statement.excluded[name] for name in names if name in rows[0]}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_=replaced,
            where=statement.excluded[newer] > table.c[newer],
        ),
        rows,
    )


def _household(event: HouseholdRegistered | HouseholdUpdated) -> dict[str, Any]:
    return {
        "household_id": event.household_id,
        "region": event.region,
        "members": sorted(map(str, event.members)),
        "withdrawn": False,
        "revision": event.revision,
    }


def _word(
    event: HouseholdVerified | HouseholdRejected | VerificationRevoked | VerificationExpired,
    fact: Fact,
    status: VerificationStatus,
) -> dict[str, Any]:
    return {
        "household_id": event.household_id,
        "source": fact.source,
        "sequence": _sequence(fact),
        "round": event.round,
        "status": status.value,
        "category": None,
        "score": None,
        "decided_on": None,
        "valid_until": None,
        "profile_revision": 0,
        "confirmed": [],
    }


def _question(event: DuplicateSuspected | DuplicateResolved, fact: Fact, *, blocks: bool) -> dict[str, Any]:
    return {
        "duplicate_id": event.duplicate_id,
        "household_id": event.household_id,
        "source": fact.source,
        "sequence": _sequence(fact),
        "blocks": blocks,
    }


def _payment(event: AidDisbursed | AidFailed, fact: Fact, status: str, on: Any) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "household_id": event.household_id,
        "agency": fact.agency,
        "programme": event.programme,
        "enrolment_id": event.enrolment_id,
        "entitlement_id": event.entitlement_id,
        "period": event.period,
        "fund_line": event.fund_line,
        "rupiah": event.rupiah,
        "persons": event.persons,
        "status": status,
        "reason": None,
        "settled_on": on,
        "returned_rupiah": 0,
        "sequence": _sequence(fact),
    }


def _sequence(fact: Fact) -> int:
    """The announcer's number of the fact about its household; of one who does not number, the place in the topic."""
    return fact.sequence if fact.sequence is not None else fact.offset
