"""Record visits: one from a form, or a day's work of a field team, judged one by one in a few statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import col, select

from services.verification.bodies import VisitSent
from services.verification.forms import forms
from services.verification.models import Case, Evidence, Household, Visit
from services.verification.moment import Moment, moment_of
from services.verification.rules.facts import facts_of
from services.verification.rules.questionnaire import Questionnaire, findings_in
from services.verification.rules.scoring import Score, score
from services.verification.rules.states import CaseState, Step, after
from services.verification.rules.visits import (
    confirmed,
    findings_in_dates,
    findings_in_outcomes,
    findings_in_photos,
)
from services.verification.sealing import Keys, is_same, seal_visit
from shared.deployment import deployment_of_session
from shared.events.verification import VisitRecorded
from shared.messaging import Session, announce
from shared.problem import Finding
from shared.security import Caller, household_keys


@dataclass(frozen=True, slots=True)
class NewVisit:
    visit_id: UUID
    case_id: UUID
    sent: VisitSent


@dataclass(frozen=True, slots=True)
class VisitResult:
    result: Literal["recorded", "repeated", "refused"]
    findings: Sequence[Finding] = ()


@dataclass
class _Records:
    """What stands in the database about the visits of one list; rows to write are collected here."""

    caller: Caller
    moment: Moment
    cases: dict[UUID, Case]
    rosters: dict[UUID, list[UUID]]
    known: dict[UUID, Visit]
    keys: Keys
    visits: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)


async def record_visits(session: Session, caller: Caller, visits: Sequence[NewVisit]) -> list[VisitResult]:
    """Judge each visit, keep what is right, and say so; results in the order of the list.

    A visit whose id is known is a repetition when it is the same, and refused when it is not.
    """
    records = await _look_up(session, caller, visits)
    results = [_record(session, records, visit) for visit in visits]
    if records.visits:
        await session.execute(insert(Visit), records.visits)
    if records.evidence:
        await session.execute(insert(Evidence), records.evidence)
    return results


async def _look_up(session: Session, caller: Caller, visits: Sequence[NewVisit]) -> _Records:
    # Cases are locked in the order of their ids, so that two lists never wait for each other in a circle.
    locked = select(Case).where(col(Case.id).in_({visit.case_id for visit in visits}))
    cases = {case.id: case for case in await session.exec(locked.order_by(col(Case.id)).with_for_update())}
    mine = {case_id: case for case_id, case in cases.items() if caller.may_see(case.region)}
    household_ids = {case.household_id for case in mine.values()}
    households = await session.exec(select(Household).where(col(Household.household_id).in_(household_ids)))
    known = await session.exec(select(Visit).where(col(Visit.id).in_({visit.visit_id for visit in visits})))
    return _Records(
        caller=caller,
        moment=moment_of(session),
        cases=cases,
        rosters={each.household_id: [UUID(member) for member in each.members] for each in households},
        known={visit.id: visit for visit in known},
        keys=await household_keys(session, deployment_of_session(session).vault, household_ids, create=True),
    )


def _record(session: Session, records: _Records, visit: NewVisit) -> VisitResult:
    case = records.cases.get(visit.case_id)
    if case is None:
        return VisitResult("refused", [Finding("case-not-found", "case_id")])
    if not records.caller.may_see(case.region):
        return VisitResult("refused", [Finding("case-not-yours", "case_id")])
    known = records.known.get(visit.visit_id)
    if known is not None or any(row["id"] == visit.visit_id for row in records.visits):
        return _repeated(records, visit, known)
    state = after(case.state, Step.VISIT)
    if state is None:
        return VisitResult("refused", [Finding("case-not-in-state", None, {"state": case.state.value})])
    form = forms().questionnaires.get(visit.sent.questionnaire)
    if form is None:
        return VisitResult("refused", [Finding("questionnaire-unknown", "questionnaire")])
    found = list(findings_in_visit(form, visit.sent, records.rosters.get(case.household_id, []), records.moment))
    if found:
        return VisitResult("refused", found)
    _keep(session, records, visit, case, state)
    return VisitResult("recorded")


def _repeated(records: _Records, visit: NewVisit, known: Visit | None) -> VisitResult:
    same_place = known is not None and (known.case_id, known.visited_by) == (visit.case_id, records.caller.subject)
    if known is not None and same_place and is_same(records.keys[known.household_id], known, visit.sent):
        return VisitResult("repeated")
    return VisitResult("refused", [Finding("visit-id-reused", "id")])


def findings_in_visit(
    form: Questionnaire, sent: VisitSent, roster: Sequence[UUID], moment: Moment
) -> Iterator[Finding]:
    """Everything that is wrong with a visit."""
    yield from findings_in_dates(form, sent.visited_on, moment.today)
    yield from findings_in_outcomes(roster, sent.found())
    yield from findings_in_photos(form, sent.photos(), moment.latest)
    if (sent.answers is None) == (sent.no_answer_reason is None):
        yield Finding("answers-or-reason", "answers")
    elif sent.answers is not None:
        yield from findings_in(form, sent.given_answers())
    elif sent.no_answer_reason not in form.no_answer_reasons:
        yield Finding("reason-not-listed", "no_answer_reason")


def _keep(session: Session, records: _Records, visit: NewVisit, case: Case, state: CaseState) -> None:
    sent, key = visit.sent, records.keys[case.household_id]
    scored = score_of(sent)
    records.visits.append(
        {
            "id": visit.visit_id,
            "case_id": case.id,
            "household_id": case.household_id,
            "visited_on": sent.visited_on,
            "visited_by": records.caller.subject,
            "recorded_at": records.moment.now,
            "questionnaire": sent.questionnaire,
            "no_answer_reason": sent.no_answer_reason,
            "sealed": seal_visit(key, sent),
            "key_version": key.key_version,
            "outcomes": [{"member_id": str(each.member_id), "outcome": each.outcome} for each in sent.outcomes],
            "confirmed_persons": len(confirmed(sent.found())),
            "evidence_count": len(sent.evidence),
            **scored_columns(sent, scored),
        }
    )
    records.evidence.extend(
        {
            "visit_id": visit.visit_id,
            "place": place,
            "household_id": case.household_id,
            "sha256": photo.sha256,
            "captured_at": photo.captured_at,
        }
        for place, photo in enumerate(sent.evidence)
    )
    case.state, case.visit_id = state, visit.visit_id
    announce(
        session,
        VisitRecorded(
            case_id=case.id,
            household_id=case.household_id,
            region=case.region,
            visited_on=sent.visited_on,
            questionnaire=sent.questionnaire,
            evidence_count=len(sent.evidence),
        ),
    )


def score_of(sent: VisitSent) -> Score | None:
    """The score by the rule of the day of the visit; None where nobody answered."""
    if sent.answers is None:
        return None
    return score(forms().rule_on(sent.visited_on), facts_of(sent.given_answers()), sent.visited_on)


def scored_columns(sent: VisitSent, scored: Score | None) -> Mapping[str, Any]:
    """What of a score may be kept unsealed."""
    if scored is None:
        return {"rule": forms().rule_on(sent.visited_on).code, "score": None, "category": None, "reasons": []}
    return {
        "rule": scored.rule,
        "score": scored.points,
        "category": scored.category,
        "reasons": list(scored.public_reasons),
    }
