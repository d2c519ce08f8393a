"""A second person decides a proposal; its households are then enrolled in committed, resumable chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.among import among
from services.programs.assess import assess, free_places, still_waiting, waiting_lists
from services.programs.claim_place import claim
from services.programs.enrol_households import Decided, Entrant, enrol
from services.programs.entitle import Claimant, entitle, left_to_promise, tell_exhausted
from services.programs.load_programme import Running, lock_quotas, version_of
from services.programs.models import (
    ItemState,
    Proposal,
    ProposalItem,
    ProposalState,
    Quota,
    Slot,
    WaitlistEntry,
)
from services.programs.moment import now
from services.programs.move_money import LedgerBroken, lock_line
from services.programs.propose_enrolments import as_kept
from services.programs.rules.entitlement import units_taken
from services.programs.rules.places import LineLeft, Placed, place
from shared.events.fields import Decree
from shared.messaging import Session, correlation, schedule
from shared.problem import Problem

CHUNK = 500
TIMER = "enrol-chunk"


async def lock_proposal(session: Session, proposal_id: UUID) -> Proposal:
    """The proposal as it is now. Raises 404."""
    found = await session.execute(select(Proposal).where(col(Proposal.proposal_id) == proposal_id).with_for_update())
    proposal: Proposal | None = found.scalar_one_or_none()
    if proposal is None:
        raise Problem("proposal-not-found", status=404, field="proposal_id")
    return proposal


async def approve(session: Session, proposal: Proposal, decree: Decree, started_on: date, by: str) -> None:
    """Adopt a (locked) proposal by a decree, and enrol its first chunk."""
    require_open(proposal, by)
    proposal.state = ProposalState.ENROLLING
    proposal.decided_by = by
    proposal.decree_number = decree.number
    proposal.decree_dated = decree.dated
    proposal.started_on = started_on
    await session.flush()
    await enrol_chunk(session, proposal)


def refuse(proposal: Proposal, by: str) -> None:
    """Turn a (locked) proposal down as a whole."""
    require_open(proposal, by)
    proposal.state = ProposalState.REFUSED
    proposal.decided_by = by


def require_open(proposal: Proposal, by: str) -> None:
    """Raises 409 where it was decided already or the decider proposed it."""
    if proposal.state != ProposalState.PROPOSED:
        raise Problem("already-decided", status=409, state=proposal.state)
    if proposal.proposed_by == by:
        raise Problem("second-person-required", status=409)


async def enrol_chunk(session: Session, proposal: Proposal) -> None:
    """Enrol the next households of an approved proposal; goes on by a timer until none is left."""
    running = await version_of(session, proposal.programme_id, proposal.programme_version)
    items = list(
        (
            await session.execute(
                select(ProposalItem)
                .where(
                    col(ProposalItem.proposal_id) == proposal.proposal_id,
                    col(ProposalItem.state) == ItemState.ACCEPTED,
                )
                .order_by(col(ProposalItem.place))
                .limit(CHUNK)
            )
        ).scalars()
    )
    with correlation(proposal.correlation_id):
        if items:
            await _enrol_items(session, running, proposal, items)
        if len(items) == CHUNK:
            await schedule(session, TIMER, now(session), str(proposal.proposal_id))
        else:
            await _finish(session, running, proposal)


async def _enrol_items(session: Session, running: Running, proposal: Proposal, items: Sequence[ProposalItem]) -> None:
    quotas = await lock_quotas(session, running.programme_id)
    line = await lock_line(session, running.fund_line_id)
    waiting = await waiting_lists(session, running.programme_id) if running.programme.has_slots else {}
    candidates = await assess(session, running, [item.household_id for item in items])
    left = LineLeft(line.code, await left_to_promise(session, line))
    free = free_places(quotas)
    placed = place(running.programme, still_waiting(candidates, free, waiting), free, left)
    accepted = [each for each in placed if each.decision.allowed]
    decided = Decided(
        proposal.proposal_id,
        proposal.decided_by or "",
        proposal.started_on or now(session).date(),
        Decree(
            number=proposal.decree_number or "",
            dated=proposal.decree_dated or now(session).date(),
            list_sha256=proposal.list_sha256,
        ),
    )
    slots = await _claim(session, running, quotas, accepted)
    entrants = [_entrant(each, slots, waiting) for each in accepted]
    claimants = [Claimant(each.enrolment_id, each.household_id, each.entitled) for each in entrants]
    if not await entitle(session, running, claimants, decided.decided_by):
        raise LedgerBroken(f"the locked fund line {line.code} had {left.left_rupiah} a moment ago")
    await enrol(session, running, entrants, decided)
    await _mark(session, proposal, placed)


async def _claim(
    session: Session, running: Running, quotas: Sequence[Quota], accepted: Sequence[Placed]
) -> dict[UUID, list[Slot]]:
    units: defaultdict[UUID, int] = defaultdict(int)
    for each in accepted:
        if each.quota_id is not None:
            units[each.quota_id] += units_taken(running.programme, each.candidate.entitled.persons)
    slots: dict[UUID, list[Slot]] = {}
    for quota in quotas:
        if quota.quota_id not in units:
            continue
        taken = await claim(session, running.programme, quota, units[quota.quota_id])
        if taken is None:
            raise LedgerBroken(f"the locked quota {quota.quota_id} had {quota.places - quota.taken} a moment ago")
        slots[quota.quota_id] = taken[::-1]
    return slots


def _entrant(placed: Placed, slots: dict[UUID, list[Slot]], waiting: dict[UUID, list[WaitlistEntry]]) -> Entrant:
    household = placed.candidate.household
    free = slots.get(placed.quota_id, []) if placed.quota_id else []
    entry = next(
        (
            entry
            for entry in (waiting.get(placed.quota_id, []) if placed.quota_id else [])
            if entry.household_id == household.household_id
        ),
        None,
    )
    return Entrant(
        enrolment_id=uuid7(),
        household_id=household.household_id,
        region=household.region,
        entitled=placed.candidate.entitled,
        quota_id=placed.quota_id,
        slot=free.pop() if free else None,
        waitlist_id=entry.waitlist_id if entry else None,
        rank=entry.rank if entry else None,
        reasons=["waitlist-rank"] if entry else ["eligible"],
    )


async def _mark(session: Session, proposal: Proposal, placed: Sequence[Placed]) -> None:
    enrolled = [each.candidate.household.household_id for each in placed if each.decision.allowed]
    await session.execute(
        update(ProposalItem)
        .where(col(ProposalItem.proposal_id) == proposal.proposal_id, among(col(ProposalItem.household_id), enrolled))
        .values(state=ItemState.ENROLLED)
        .execution_options(synchronize_session=False)
    )
    for each in placed:
        if not each.decision.allowed:
            await session.execute(
                update(ProposalItem)
                .where(
                    col(ProposalItem.proposal_id) == proposal.proposal_id,
                    col(ProposalItem.household_id) == each.candidate.household.household_id,
                )
                .values(state=ItemState.REFUSED, reasons=as_kept(each.decision))
                .execution_options(synchronize_session=False)
            )


async def _finish(session: Session, running: Running, proposal: Proposal) -> None:
    """Count what became of it, and tell once where a fund line had not enough for all."""
    counted = await session.execute(
        select(
            func.count().filter(col(ProposalItem.state) == ItemState.ENROLLED),
            func.count().filter(col(ProposalItem.state) == ItemState.REFUSED),
            func.coalesce(
                func.sum(col(ProposalItem.rupiah)).filter(
                    col(ProposalItem.reasons).contains([{"code": "fund-line-exhausted"}])
                ),
                0,
            ),
        ).where(col(ProposalItem.proposal_id) == proposal.proposal_id)
    )
    enrolled, refused, without_money = counted.one()
    proposal.state = ProposalState.DONE
    proposal.accepted = enrolled
    proposal.refused = refused
    await session.flush()
    if without_money:
        line = await lock_line(session, running.fund_line_id)
        asked = int(without_money) * len(running.programme.benefit.periods)
        tell_exhausted(session, running, line, asked=asked, left=await left_to_promise(session, line))
