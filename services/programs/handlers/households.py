"""What this deployment remembers of households: register, closed lists, questions of duplicates, visits.

Each fold is independent of order: the highest revision wins, or the highest sequence of a source about a household.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from services.programs.among import among
from services.programs.handlers.folding import sequence_of, upsert
from services.programs.handlers.router import router
from services.programs.look_at import REGISTERED, VERIFIED
from services.programs.models import (
    SeenProfile,
)
from services.programs.rules.household import VerificationStatus
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
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationExpired,
    VerificationRevoked,
    VerifiedProfile,
)
from shared.messaging import Fact, Session, Tombstone
from shared.messaging.ids import text_of


@router.project(HouseholdRegistered, batch=True)
@router.project(HouseholdUpdated, batch=True)
async def remember_households(events: list[HouseholdRegistered | HouseholdUpdated], session: Session) -> None:
    await upsert(session, "seen_household", [_household(event) for event in events], newer="revision")


@router.project(HouseholdWithdrawn)
async def remember_withdrawal(event: HouseholdWithdrawn, session: Session) -> None:
    row = {
        "household_id": event.household_id,
        "region": event.region,
        "members": [],
        "withdrawn": True,
        "revision": event.revision,
    }
    await upsert(session, "seen_household", [row], newer="revision")


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
    await upsert(session, "seen_cohort_entry", rows, newer="revision")


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
    await upsert(session, "seen_verification", rows, newer="sequence")


@router.project(HouseholdRejected, batch=True)
async def remember_rejected(events: list[HouseholdRejected], session: Session, facts: list[Fact]) -> None:
    rows = [
        _word(event, fact, VerificationStatus.REJECTED) | {"score": event.score, "decided_on": event.decided_on}
        for event, fact in zip(events, facts, strict=True)
    ]
    await upsert(session, "seen_verification", rows, newer="sequence")


@router.project(VerificationRevoked)
async def remember_revoked(event: VerificationRevoked, session: Session, fact: Fact) -> None:
    await upsert(session, "seen_verification", [_word(event, fact, VerificationStatus.REVOKED)], newer="sequence")


@router.project(VerificationExpired)
async def remember_expired(event: VerificationExpired, session: Session, fact: Fact) -> None:
    await upsert(session, "seen_verification", [_word(event, fact, VerificationStatus.EXPIRED)], newer="sequence")


@router.project(DuplicateSuspected)
async def remember_suspicion(event: DuplicateSuspected, session: Session, fact: Fact) -> None:
    await upsert(session, "seen_duplicate", [_question(event, fact, blocks=event.blocks_payment)], newer="sequence")


@router.project(DuplicateResolved)
async def remember_resolution(event: DuplicateResolved, session: Session, fact: Fact) -> None:
    await upsert(session, "seen_duplicate", [_question(event, fact, blocks=False)], newer="sequence")


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
            await upsert(session, "seen_profile", rows, newer="revision")


def _household(event: HouseholdRegistered | HouseholdUpdated) -> dict[str, Any]:
    return {
        "household_id": event.household_id,
        "region": event.region,
        "members": sorted(map(text_of, event.members)),
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
        "sequence": sequence_of(fact),
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
        "sequence": sequence_of(fact),
        "blocks": blocks,
    }
