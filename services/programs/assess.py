"""Looks at households for a programme: who might enter, in which order, and why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlmodel import col

from services.programs.among import among
from services.programs.enrol_households import persons_enrolled
from services.programs.load_programme import Running
from services.programs.look_at import Looked, look_at
from services.programs.models import (
    Offer,
    OfferState,
    Quota,
    SeenCohortEntry,
    SeenHousehold,
    SeenVerification,
    Waitlist,
    WaitlistEntry,
)
from services.programs.moment import today
from services.programs.return_to_rank import waiting
from services.programs.rules.decision import Decision, Reason
from services.programs.rules.eligibility import may_enrol
from services.programs.rules.entitlement import Entitled, entitlement_of
from services.programs.rules.household import Household, VerificationStatus
from services.programs.rules.places import Candidate, QuotaLeft, quota_of
from services.programs.rules.ranking import ranked
from shared.events.fields import CohortOutcome
from shared.messaging import Session

CHUNK = 500
ALREADY_OFFERED = "already-offered"


def scan(running: Running, regions: Any) -> Select[UUID]:
    """The households a programme might serve: those of its closed list, else all that are verified; by id.

    Args:
        regions: SQL condition on the household's region: what the caller may see.
    """
    statement = select(col(SeenHousehold.household_id)).where(regions, col(SeenHousehold.withdrawn).is_(False))
    cohort = running.programme.cohort
    if cohort is not None:
        listed = select(col(SeenCohortEntry.household_id)).where(
            col(SeenCohortEntry.cohort) == cohort, col(SeenCohortEntry.outcome) == CohortOutcome.MEMBER
        )
    else:
        listed = select(col(SeenVerification.household_id)).where(
            col(SeenVerification.status) == VerificationStatus.VERIFIED
        )
    return statement.where(col(SeenHousehold.household_id).in_(listed)).order_by(col(SeenHousehold.household_id))


async def assess(session: Session, running: Running, household_ids: Sequence[UUID]) -> list[Candidate]:
    """Each household with the decision about it. An id nobody registered here is refused as unknown."""
    candidates: list[Candidate] = []
    claimed: set[UUID] = set()
    for chunk in _chunks(household_ids):
        looked = await look_at(session, chunk)
        members = {member for each in looked.values() for member in each.household.members}
        enrolled = await persons_enrolled(session, running, members) if members else set()
        offered = await _offered(session, running, chunk)
        for household_id in chunk:
            candidate = _candidate(session, running, household_id, looked.get(household_id), enrolled | claimed)
            if household_id in offered:
                candidate = _refused(candidate, Reason(ALREADY_OFFERED))
            if candidate.decision.allowed:
                claimed.update(candidate.entitled.members)
            candidates.append(candidate)
    return candidates


async def _offered(session: Session, running: Running, household_ids: Sequence[UUID]) -> set[UUID]:
    """Those for whom a place is held already."""
    found = await session.execute(
        select(col(Offer.household_id)).where(
            col(Offer.programme_id) == running.programme_id,
            col(Offer.state) == OfferState.OPEN,
            among(col(Offer.household_id), household_ids),
        )
    )
    return set(found.scalars())


def _candidate(
    session: Session, running: Running, household_id: UUID, looked: Looked | None, taken: set[UUID]
) -> Candidate:
    programme = running.programme
    if looked is None:
        unknown = Household(household_id, programme.region, frozenset())
        return Candidate(unknown, (), Entitled((), 0), Decision.of(Reason("household-unknown")))
    entitled = entitlement_of(programme, looked.household)
    twice = Reason("person-already-enrolled") if taken & set(entitled.members) else None
    decision = may_enrol(programme, looked.household, looked.held, today(session))
    return Candidate(looked.household, looked.held, entitled, Decision.of(decision.reasons, twice))


def in_order(
    running: Running,
    candidates: Sequence[Candidate],
    quotas: Sequence[QuotaLeft],
    waiting: dict[UUID, list[WaitlistEntry]],
) -> list[Candidate]:
    """The candidates in the order in which they may be served, each quota's best first.

    Where a frozen waitlist stands, its ranks decide, and nobody is served before those who rank better.
    """
    by_quota: defaultdict[UUID | None, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        quota = quota_of(candidate.household.region, quotas)
        by_quota[quota.quota_id if quota else None].append(candidate)
    placed: list[tuple[int, Candidate]] = []
    for quota_id, group in by_quota.items():
        frozen = waiting.get(quota_id) if quota_id is not None else None
        ordered = _by_ranking(running, group) if frozen is None else list(_by_waitlist(group, frozen))
        placed += enumerate(ordered)
    return [candidate for _, candidate in sorted(placed, key=lambda each: (each[0], each[1].household.household_id))]


def still_waiting(
    candidates: Sequence[Candidate], quotas: Sequence[QuotaLeft], waiting: dict[UUID, list[WaitlistEntry]]
) -> list[Candidate]:
    """The same candidates in their order; who has meanwhile left a frozen list is refused."""
    checked = []
    for candidate in candidates:
        quota = quota_of(candidate.household.region, quotas)
        frozen = waiting.get(quota.quota_id) if quota else None
        waits = frozen is None or any(entry.household_id == candidate.household.household_id for entry in frozen)
        checked.append(candidate if waits else _refused(candidate, Reason("not-on-waitlist")))
    return checked


def _by_ranking(running: Running, group: Sequence[Candidate]) -> list[Candidate]:
    by_id = {candidate.household.household_id: candidate for candidate in group}
    order = ranked(running.programme, (candidate.household for candidate in group))
    return [by_id[household.household_id] for household in order]


def _by_waitlist(group: Sequence[Candidate], frozen: Sequence[WaitlistEntry]) -> Iterator[Candidate]:
    by_id = {candidate.household.household_id: candidate for candidate in group}
    passed_over = False
    for entry in frozen:
        candidate = by_id.pop(entry.household_id, None)
        if candidate is None:
            passed_over = True
        elif passed_over:
            yield _refused(candidate, Reason("rank-not-reached", {"rank": entry.rank}))
        else:
            yield candidate
    for candidate in by_id.values():
        yield _refused(candidate, Reason("not-on-waitlist"))


def _refused(candidate: Candidate, reason: Reason) -> Candidate:
    decision = Decision.of(candidate.decision.reasons, reason)
    return Candidate(candidate.household, candidate.held, candidate.entitled, decision)


async def waiting_lists(session: Session, programme_id: UUID) -> dict[UUID, list[WaitlistEntry]]:
    """Quota → those who wait for it, best rank first. Quotas without a list are left out."""
    lists = await session.execute(
        select(col(Waitlist.quota_id)).where(col(Waitlist.programme_id) == programme_id).distinct()
    )
    found: dict[UUID, list[WaitlistEntry]] = {quota_id: [] for quota_id in lists.scalars()}
    for entry, quota_id in await session.execute(waiting(col(Waitlist.programme_id) == programme_id)):
        found[quota_id].append(entry)
    return found


def free_places(quotas: Sequence[Quota]) -> list[QuotaLeft]:
    """What is free of each quota."""
    return [QuotaLeft(quota.quota_id, quota.region, quota.places - quota.taken) for quota in quotas]


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
