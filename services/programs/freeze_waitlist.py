"""Ranks those who fit and freezes the ranking, one list per quota; ranks never change afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.among import among
from services.programs.assess import assess, free_places
from services.programs.load_programme import Running, lock_quotas, version_of
from services.programs.models import Quota, Waitlist, WaitlistEntry
from services.programs.moment import now
from services.programs.return_to_rank import supersede
from services.programs.rules.household import Household
from services.programs.rules.named_list import Line, list_text, sha256_of
from services.programs.rules.places import Candidate, quota_of
from services.programs.rules.ranking import ranked
from shared.events.programs import HouseholdWaitlisted
from shared.messaging import Session, announce, schedule
from shared.problem import Problem

CHUNK = 500
TIMER = "waitlist-chunk"


async def freeze(session: Session, running: Running, household_ids: Sequence[UUID], by: str) -> list[Waitlist]:
    """A new version of the list of every quota that has somebody to wait, by one decision.

    Those who are enrolled, hold an offer or do not fit are left out; who fits now waits, whoever waited before.
    """
    if not running.programme.has_slots:
        raise Problem("programme-without-slots", status=409, programme=running.programme.code)
    quotas = await lock_quotas(session, running.programme_id)
    candidates = [each for each in await assess(session, running, household_ids) if each.decision.allowed]
    by_quota: defaultdict[UUID, list[Candidate]] = defaultdict(list)
    left = free_places(quotas)
    for candidate in candidates:
        quota = quota_of(candidate.household.region, left)
        if quota is not None:
            by_quota[quota.quota_id].append(candidate)
    decision_id = uuid7()
    lists = [
        await _freeze_one(session, running, quota, by_quota[quota.quota_id], decision_id, by)
        for quota in quotas
        if quota.quota_id in by_quota
    ]
    for waitlist in lists:
        await announce_chunk(session, waitlist.waitlist_id)
    return lists


async def announce_chunk(session: Session, waitlist_id: UUID) -> None:
    """Tell the next households of a list their rank; goes on by a timer until all are told."""
    waitlist = await session.get_one(Waitlist, waitlist_id)
    running = await version_of(session, waitlist.programme_id, waitlist.programme_version)
    found = await session.execute(
        select(WaitlistEntry)
        .where(col(WaitlistEntry.waitlist_id) == waitlist_id, col(WaitlistEntry.announced).is_(False))
        .order_by(col(WaitlistEntry.rank))
        .limit(CHUNK)
    )
    entries = list(found.scalars())
    for entry in entries:
        announce(session, waitlisted(running, waitlist, entry))
    await session.execute(
        update(WaitlistEntry)
        .where(
            col(WaitlistEntry.waitlist_id) == waitlist_id,
            among(col(WaitlistEntry.household_id), [entry.household_id for entry in entries]),
        )
        .values(announced=True)
        .execution_options(synchronize_session=False)
    )
    if len(entries) == CHUNK:
        await schedule(session, TIMER, now(session), str(waitlist_id))


def waitlisted(running: Running, waitlist: Waitlist, entry: WaitlistEntry) -> HouseholdWaitlisted:
    """The fact of a household's rank."""
    return HouseholdWaitlisted(
        programme_id=running.programme_id,
        programme=running.programme.code,
        household_id=entry.household_id,
        region=entry.region,
        waitlist_id=waitlist.waitlist_id,
        waitlist_version=waitlist.version,
        quota_id=waitlist.quota_id,
        rank=entry.rank,
        ranked_by=waitlist.ranked_by,
    )


async def _freeze_one(
    session: Session, running: Running, quota: Quota, candidates: Sequence[Candidate], decision_id: UUID, by: str
) -> Waitlist:
    last = await session.execute(
        select(func.coalesce(func.max(col(Waitlist.version)), 0)).where(col(Waitlist.quota_id) == quota.quota_id)
    )
    order: list[Household] = ranked(running.programme, (each.household for each in candidates))
    waitlist = Waitlist(
        waitlist_id=uuid7(),
        programme_id=running.programme_id,
        programme_version=running.programme.version,
        quota_id=quota.quota_id,
        version=last.scalar_one() + 1,
        ranked_by=list(running.programme.ranking),
        families=len(order),
        sha256=sha256_of(list_text(Line(household.household_id, rank, 0) for rank, household in enumerate(order, 1))),
        decision_id=decision_id,
        frozen_by=by,
        frozen_at=now(session),
    )
    session.add(waitlist)
    await session.flush()
    await session.execute(
        insert(WaitlistEntry),
        [
            {
                "waitlist_id": waitlist.waitlist_id,
                "rank": rank,
                "household_id": household.household_id,
                "region": household.region,
                "state": "waiting",
                "announced": False,
            }
            for rank, household in enumerate(order, start=1)
        ],
    )
    await supersede(session, waitlist)
    return waitlist
