"""Proposes households for enrolment: what would happen to each, and why not, before anybody decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.assess import assess, free_places, in_order, waiting_lists
from services.programs.entitle import left_to_promise
from services.programs.load_programme import Running
from services.programs.look_at import as_shown
from services.programs.models import FundLineRow, ItemState, Proposal, ProposalItem, Quota
from services.programs.moment import now, own_agency
from services.programs.rules.decision import Decision
from services.programs.rules.named_list import Line, list_text, sha256_of
from services.programs.rules.places import Candidate, LineLeft, Placed, place
from shared.messaging import Session, current_cause


async def propose(
    session: Session, running: Running, household_ids: Sequence[UUID], *, at_most: int | None, by: str
) -> Proposal:
    """Look at the households, give out what is free in rank order, and keep the result as a proposal.

    Nothing is taken yet: the decision looks again. ``at_most`` keeps only so many of those who might enter.
    """
    quotas = list(
        (await session.execute(select(Quota).where(col(Quota.programme_id) == running.programme_id))).scalars()
    )
    line = (
        await session.execute(select(FundLineRow).where(col(FundLineRow.fund_line_id) == running.fund_line_id))
    ).scalar_one()
    waiting = await waiting_lists(session, running.programme_id) if running.programme.has_slots else {}
    candidates = in_order(running, await assess(session, running, household_ids), free_places(quotas), waiting)
    if at_most is not None:
        candidates = _best(candidates, at_most)
    left = LineLeft(line.code, await left_to_promise(session, line))
    placed = place(running.programme, candidates, free_places(quotas), left)
    accepted = [each for each in placed if each.decision.allowed]
    periods = len(running.programme.benefit.periods)
    proposal = Proposal(
        proposal_id=uuid7(),
        programme_id=running.programme_id,
        programme_version=running.programme.version,
        accepted=len(accepted),
        refused=len(placed) - len(accepted),
        persons=sum(each.candidate.entitled.persons for each in accepted),
        rupiah=sum(each.candidate.entitled.rupiah for each in accepted) * periods,
        list_sha256=sha256_of(named_list(accepted, periods)),
        proposed_by=by,
        proposed_at=now(session),
        correlation_id=current_cause().correlation_id,
    )
    session.add(proposal)
    await session.flush()
    if placed:
        agency = own_agency(session)
        rows = [_item(proposal, at, each, agency) for at, each in enumerate(placed, start=1)]
        await session.execute(insert(ProposalItem), rows)
    return proposal


def named_list(accepted: Sequence[Placed], periods: int) -> str:
    """The canonical list of those who would enter; a decree adopts its hash."""
    return list_text(
        Line(
            each.candidate.household.household_id,
            each.candidate.entitled.persons,
            each.candidate.entitled.rupiah * periods,
        )
        for each in accepted
    )


def as_kept(decision: Decision) -> list[dict[str, Any]]:
    """Reasons as they are kept and shown."""
    return [{"code": reason.code, "values": dict(reason.values)} for reason in decision.reasons]


def _best(candidates: Sequence[Candidate], at_most: int) -> list[Candidate]:
    """The first so many that might enter; those who may not are left out, for nobody asked about all."""
    return [candidate for candidate in candidates if candidate.decision.allowed][:at_most]


def _item(proposal: Proposal, at: int, placed: Placed, agency: str) -> dict[str, Any]:
    candidate = placed.candidate
    return {
        "proposal_id": proposal.proposal_id,
        "place": at,
        "household_id": candidate.household.household_id,
        "region": candidate.household.region,
        "quota_id": placed.quota_id,
        "persons": candidate.entitled.persons,
        "rupiah": candidate.entitled.rupiah,
        "state": ItemState.ACCEPTED if placed.decision.allowed else ItemState.REFUSED,
        "reasons": as_kept(placed.decision),
        "held_elsewhere": [as_shown(held) for held in candidate.held if held.agency != agency and held.counted],
    }
