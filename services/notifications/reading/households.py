"""One household, as all agencies know it together: ids and coded facts only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.notifications.remember import load
from services.notifications.rules.benefits import Enrolment
from services.notifications.rules.buckets import Bucket, bucket_of
from services.notifications.rules.dated import Dated
from services.notifications.rules.household import HouseholdState, state_of
from shared.events.intake import CohortEntryResolved
from shared.events.verification import HouseholdVerified
from shared.messaging import Session

FACTS_MAX = 500


@dataclass(frozen=True, slots=True)
class EntryView:
    cohort: str
    entry_id: UUID
    member_id: UUID | None
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class DecisionView:
    agency: str | None
    decision: str
    round: int
    category: str | None
    decided_on: date
    confirmed_members: list[UUID]


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """What one agency's programme is to the household."""

    enrolment_id: UUID
    agency: str
    programme: str
    status: str
    unit: str | None
    persons: int
    started_on: date | None
    payments: int
    paid_rupiah: int
    failed_payments: int
    services: int


@dataclass(frozen=True, slots=True)
class FactView:
    at: datetime
    type: str
    agency: str
    position: int


@dataclass(frozen=True, slots=True)
class HouseholdView:
    household_id: UUID
    region: str | None
    registered: bool
    persons: int
    being_verified: bool
    verification: DecisionView | None
    entries: list[EntryView]
    enrolments: list[EnrolmentView]
    facts: list[FactView]
    """The newest of them, oldest first."""


async def household_of(session: Session, household_id: UUID) -> HouseholdView | None:
    """What is known of a household; None where nothing is."""
    facts = (await load(session, [household_id])).get(household_id)
    if not facts:
        return None
    facts.sort(key=lambda fact: (fact.at, fact.source, fact.position))
    state = state_of([fact for fact in facts if not isinstance(fact.event, CohortEntryResolved)])
    return HouseholdView(
        household_id=household_id,
        region=state.region or getattr(facts[-1].event, "region", None),
        registered=state.registered,
        persons=state.persons,
        being_verified=state.being_verified,
        verification=_decision(state),
        entries=_entries(facts, state),
        enrolments=[_enrolment(each) for each in state.enrolments.values()],
        facts=[FactView(fact.at, fact.event.type, fact.agency, fact.position) for fact in facts[-FACTS_MAX:]],
    )


def _decision(state: HouseholdState) -> DecisionView | None:
    decision = state.decision
    if decision is None:
        return None
    verified = isinstance(decision, HouseholdVerified)
    return DecisionView(
        agency=state.decided_by,
        decision="verified" if verified else "rejected",
        round=decision.round,
        category=decision.category if isinstance(decision, HouseholdVerified) else None,
        decided_on=decision.decided_on,
        confirmed_members=sorted(state.confirmed),
    )


def _entries(facts: list[Dated], state: HouseholdState) -> list[EntryView]:
    words: dict[UUID, CohortEntryResolved] = {}
    for fact in facts:
        if isinstance(fact.event, CohortEntryResolved):
            known = words.get(fact.event.entry_id)
            words[fact.event.entry_id] = max(known or fact.event, fact.event, key=lambda word: word.revision)
    return [EntryView(word.cohort, word.entry_id, word.member_id, bucket_of(word, state)) for word in words.values()]


def _enrolment(enrolment: Enrolment) -> EnrolmentView:
    return EnrolmentView(
        enrolment_id=enrolment.enrolment_id,
        agency=enrolment.agency,
        programme=enrolment.programme,
        status=enrolment.status,
        unit=enrolment.unit,
        persons=enrolment.persons,
        started_on=enrolment.started_on,
        payments=enrolment.payments,
        paid_rupiah=enrolment.paid_rupiah,
        failed_payments=enrolment.failed_payments,
        services=enrolment.services,
    )
