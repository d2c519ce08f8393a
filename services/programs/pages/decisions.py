"""What a second person decides: a proposal, a payment list; with what other agencies already give."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from services.programs.api.enrolments import decide_proposal, show_proposal, show_proposal_items
from services.programs.api.payment_lists import (
    decide_payment_list,
    show_exclusions,
    show_payment_list,
    show_payments,
)
from services.programs.api.who import Checker, Officer, Reader
from services.programs.bodies import DecreeSent, ListDecisionSent, ListDecreeSent, ProposalDecisionSent
from services.programs.models import ListState, ProposalState
from services.programs.pages.frame import pages
from shared.events.fields import DecreeNumber, Sha256
from shared.problem import Problem
from shared.regions import Regions
from shared.security import Role
from shared.web import EdgeRoute, LocaleDep, SessionDep

PER_PAGE = 50
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)

Approve = Annotated[bool, Form()]
Number = Annotated[DecreeNumber | None, Form()]
Dated = Annotated[date | None, Form()]
Sha = Annotated[Sha256 | None, Form()]


@router.get("/proposals/{proposal_id}")
async def proposal_page(
    request: Request, proposal_id: UUID, caller: Reader, session: SessionDep, locale: LocaleDep, after: int = 0
) -> HTMLResponse:
    """A proposal: what would happen to each household, why not, and what others already give."""
    proposal = await show_proposal(proposal_id, caller, session)
    items = await show_proposal_items(proposal_id, caller, session, locale, after=after, limit=PER_PAGE)
    return pages.render(
        request,
        "proposal.html",
        proposal=proposal,
        items=items.items,
        next=items.next,
        decides=proposal.state == ProposalState.PROPOSED and Role.PROGRAMME_OFFICER in caller.roles,
        name=Regions.load().name,
    )


@router.post("/proposals/{proposal_id}/decide")
async def decide_proposal_by_form(
    proposal_id: UUID,
    approve: Approve,
    caller: Officer,
    session: SessionDep,
    number: Number = None,
    dated: Dated = None,
) -> RedirectResponse:
    """Take the decision as the API does."""
    body = ProposalDecisionSent(approve=approve, decree=_decree(approve, number, dated))
    await decide_proposal(proposal_id, body, caller, session)
    return RedirectResponse(f"/proposals/{proposal_id}", 303)


@router.get("/payment-lists/{payment_list_id}")
async def payment_list_page(
    request: Request,
    payment_list_id: UUID,
    caller: Reader,
    session: SessionDep,
    locale: LocaleDep,
    after: UUID | None = None,
) -> HTMLResponse:
    """A payment list: totals, items, and who was left out and why."""
    made = await show_payment_list(payment_list_id, caller, session)
    items = await show_payments(payment_list_id, caller, session, after=after, limit=PER_PAGE)
    left_out = await show_exclusions(payment_list_id, caller, session, locale, limit=PER_PAGE)
    return pages.render(
        request,
        "payment_list.html",
        made=made,
        items=items.items,
        next=items.next,
        left_out=left_out.items,
        decides=made.state == ListState.SUBMITTED and Role.PAYMENT_CHECKER in caller.roles,
        name=Regions.load().name,
    )


@router.post("/payment-lists/{payment_list_id}/decide")
async def decide_list_by_form(
    payment_list_id: UUID,
    approve: Approve,
    caller: Checker,
    session: SessionDep,
    number: Number = None,
    dated: Dated = None,
    list_sha256: Sha = None,
) -> RedirectResponse:
    """Take the decision as the API does; the form carries the hash of the list that was shown."""
    decree = _decree(approve, number, dated)
    adopted = decree and ListDecreeSent(number=decree.number, dated=decree.dated, list_sha256=_hash(list_sha256))
    body = ListDecisionSent(approve=approve, decree=adopted)
    await decide_payment_list(payment_list_id, body, caller, session)
    return RedirectResponse(f"/payment-lists/{payment_list_id}", 303)


def _decree(approve: bool, number: str | None, dated: date | None) -> DecreeSent | None:
    if not approve:
        return None
    if number is None or dated is None:
        raise Problem("decree-missing", status=422, field="number")
    return DecreeSent(number=number, dated=dated)


def _hash(list_sha256: str | None) -> str:
    if list_sha256 is None:
        raise Problem("decree-missing", status=422, field="list_sha256")
    return list_sha256
