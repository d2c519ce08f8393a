"""One case: its members, the visit form for an officer, the answers and the decision for a supervisor."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from services.verification.api.cases import show_case
from services.verification.api.decisions import decide
from services.verification.api.visits import look_at_answers, record_visit
from services.verification.api.who import Reader, Supervisor, Visitor
from services.verification.bodies import AnswersShown, CaseInFull, DecisionSent
from services.verification.forms import forms
from services.verification.models import HouseholdFeatures
from services.verification.moment import moment_of
from services.verification.pages.frame import pages, script_url
from services.verification.pages.visit_form import VisitForm
from services.verification.rules.decisions import REJECTION_REASONS, RETURN_REASONS, DecisionKind
from services.verification.rules.states import CaseState, Step, allows
from services.verification.words import answer_words, reason_words, relation_words
from shared.events.fields import MemberOutcome
from shared.messaging import Session
from shared.problem import Problem
from shared.regions import Regions
from shared.security import Caller, Role
from shared.web import DeploymentDep, EdgeRoute, LocaleDep, SessionDep

QUESTIONNAIRE = "p3ke-visit-1"
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


class DecisionForm(BaseModel):
    """One reason from the list of what is decided; none for a verification."""

    decision: DecisionKind
    rejected_reason: str = Field("", max_length=64)
    returned_reason: str = Field("", max_length=64)

    def sent(self) -> DecisionSent:
        reason = {DecisionKind.REJECTED: self.rejected_reason, DecisionKind.RETURNED: self.returned_reason}
        chosen = reason.get(self.decision)
        return DecisionSent(decision=self.decision, reasons=[chosen] if chosen else [])


@router.get("/cases/{case_id}")
async def case_page(
    request: Request,
    case_id: UUID,
    caller: Reader,
    session: SessionDep,
    deployment: DeploymentDep,
    locale: LocaleDep,
) -> HTMLResponse:
    """A case, and what the caller may do with it. A supervisor's look at the answers is recorded."""
    case = await show_case(case_id, caller, session)
    decides = Role.VERIFICATION_SUPERVISOR in caller.roles and case.state is CaseState.VISITED
    answers: AnswersShown | None = None
    if decides and case.visit_id is not None:
        answers = await look_at_answers(case.visit_id, "decision", caller, session, deployment)
    return pages.render(
        request,
        "case.html",
        case=case,
        members=await _members(session, case),
        place=Regions.load().path(case.region),
        form=forms().questionnaires[QUESTIONNAIRE],
        visits=Role.FIELD_VERIFIER in caller.roles and allows(case.state, Step.VISIT),
        decides=decides and not _took_part(case, caller),
        took_part=decides and _took_part(case, caller),
        answers=answers,
        outcomes=[each for each in MemberOutcome if each is not MemberOutcome.UNKNOWN],
        rejections=sorted(REJECTION_REASONS),
        returns=sorted(RETURN_REASONS),
        today=moment_of(session).today,
        script=script_url(),
        answer_words=partial(answer_words, locale=locale),
        reason_words=partial(reason_words, locale=locale),
        relation_words=partial(relation_words, locale=locale),
    )


@router.post("/cases/{case_id}/visit")
async def send_visit(
    case_id: UUID, form: Annotated[VisitForm, Form()], caller: Visitor, session: SessionDep
) -> RedirectResponse:
    """Record the visit and go on to the next case."""
    questionnaire = forms().questionnaires.get(form.questionnaire)
    if questionnaire is None:
        raise Problem("questionnaire-not-found", status=404)
    await record_visit(case_id, form.visit(questionnaire), caller, session)
    return RedirectResponse("/", 303)


@router.post("/cases/{case_id}/decide")
async def send_decision(
    case_id: UUID, form: Annotated[DecisionForm, Form()], caller: Supervisor, session: SessionDep
) -> RedirectResponse:
    """Take the decision and go on to the next case."""
    await decide(case_id, form.sent(), caller, session)
    return RedirectResponse("/", 303)


def _took_part(case: CaseInFull, caller: Caller) -> bool:
    return any(visit.visit_id == case.visit_id and visit.visited_by == caller.subject for visit in case.visits)


async def _members(session: Session, case: CaseInFull) -> list[dict[str, Any]]:
    """Members by what the register says of them; who they are is intake's to say."""
    features = await session.get(HouseholdFeatures, case.household_id)
    known = {each["member_id"]: each for each in features.members} if features else {}
    return [{"sex": None, "birth_year": None, "relation": None, **known.get(str(each), {}), "id": str(each)}
            for each in case.members]  # fmt: skip
