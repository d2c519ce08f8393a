"""Decide cases: one, or the list of a kelurahan. Whoever visited has proposed; here a second person decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import col, select
from uuid_utils.compat import uuid7

from services.verification.announce_decisions import Decided, announce_rejected, announce_verified
from services.verification.bodies import DecisionSent
from services.verification.forms import forms
from services.verification.models import (
    Case,
    Decision,
    DuplicateQuestion,
    Evidence,
    Household,
    HouseholdFeatures,
    Visit,
)
from services.verification.moment import Moment, moment_of
from services.verification.rules.decisions import DecisionKind, Ruling, Situation, findings_in, valid_until
from services.verification.rules.states import CaseState, after
from services.verification.sealing import Keys
from shared.deployment import deployment_of_session
from shared.events.fields import Category
from shared.messaging import Session
from shared.problem import Finding
from shared.security import Caller, household_keys


@dataclass(frozen=True, slots=True)
class NewDecision:
    case_id: UUID
    sent: DecisionSent


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """``decision_id`` where it was taken, findings where it was refused."""

    decision_id: UUID | None = None
    findings: Sequence[Finding] = ()


@dataclass
class _Records:
    caller: Caller
    moment: Moment
    cases: dict[UUID, Case]
    visits: dict[UUID, Visit]
    evidence: dict[UUID, list[str]]
    rosters: dict[UUID, list[str]]
    features: dict[UUID, list[dict[str, Any]]]
    in_question: set[UUID]
    keys: Keys
    decisions: list[dict[str, Any]] = field(default_factory=list)


async def decide_cases(session: Session, caller: Caller, decisions: Sequence[NewDecision]) -> list[DecisionResult]:
    """Judge each decision, take those that may be taken, and say so; results in the order of the list."""
    records = await _look_up(session, caller, [decision.case_id for decision in decisions])
    results = [_decide(session, records, decision) for decision in decisions]
    if records.decisions:
        await session.execute(insert(Decision), records.decisions)
    return results


async def _look_up(session: Session, caller: Caller, case_ids: Sequence[UUID]) -> _Records:
    locked = select(Case).where(col(Case.id).in_(set(case_ids))).order_by(col(Case.id)).with_for_update()
    cases = {case.id: case for case in await session.exec(locked)}
    mine = [case for case in cases.values() if caller.may_see(case.region)]
    households = {case.household_id for case in mine}
    visit_ids = {case.visit_id for case in mine if case.visit_id is not None}
    visits = await session.exec(select(Visit).where(col(Visit.id).in_(visit_ids)))
    known = await session.exec(select(Household).where(col(Household.household_id).in_(households)))
    features = await session.exec(select(HouseholdFeatures).where(col(HouseholdFeatures.household_id).in_(households)))
    return _Records(
        caller=caller,
        moment=moment_of(session),
        cases=cases,
        visits={visit.id: visit for visit in visits},
        evidence=await photos_of(session, visit_ids),
        rosters={each.household_id: each.members for each in known},
        features={each.household_id: each.members for each in features},
        in_question=await households_in_question(session, households),
        keys=await household_keys(session, deployment_of_session(session).vault, households),
    )


async def photos_of(session: Session, visit_ids: set[UUID]) -> dict[UUID, list[str]]:
    """The digests of the photos of each visit, in the order of the phone."""
    query = select(Evidence.visit_id, Evidence.sha256).where(col(Evidence.visit_id).in_(visit_ids))
    found: dict[UUID, list[str]] = {}
    for visit_id, digest in await session.exec(query.order_by(col(Evidence.visit_id), col(Evidence.place))):
        found.setdefault(visit_id, []).append(digest)
    return found


async def households_in_question(session: Session, household_ids: set[UUID]) -> set[UUID]:
    """Those with a question of duplicates that nobody has decided."""
    query = select(DuplicateQuestion.household_id).where(
        col(DuplicateQuestion.household_id).in_(household_ids),
        col(DuplicateQuestion.suspected),
        ~col(DuplicateQuestion.resolved),
    )
    return set(await session.exec(query))


def _decide(session: Session, records: _Records, decision: NewDecision) -> DecisionResult:
    case, sent = records.cases.get(decision.case_id), decision.sent
    if case is None:
        return DecisionResult(findings=[Finding("case-not-found", "case_id")])
    if not records.caller.may_see(case.region):
        return DecisionResult(findings=[Finding("case-not-yours", "case_id")])
    visit = records.visits.get(case.visit_id) if case.visit_id is not None else None
    ruling = Ruling(
        kind=sent.decision,
        decided_by=records.caller.subject,
        decided_on=sent.decided_on or records.moment.today,
        reasons=sent.reasons,
        category=Category(sent.category) if sent.category else None,
        category_reason=sent.category_reason,
    )
    found = findings_in(ruling, _situation(records, case, visit), records.moment.today)
    state = after(case.state, ruling.kind.step)
    if found or visit is None or state is None:
        return DecisionResult(findings=found)
    return DecisionResult(_take(session, records, case, visit, ruling, state))


def _situation(records: _Records, case: Case, visit: Visit | None) -> Situation:
    return Situation(
        state=case.state,
        visited_by=visit.visited_by if visit else None,
        visited_on=visit.visited_on if visit else None,
        answered=visit is not None and visit.no_answer_reason is None,
        suggested=visit.category if visit else None,
        confirmed_persons=visit.confirmed_persons if visit else 0,
        duplicate_open=case.household_id in records.in_question,
        roster=records.rosters.get(case.household_id, []),
        roster_visited=[each["member_id"] for each in visit.outcomes] if visit else [],
    )


def _take(session: Session, records: _Records, case: Case, visit: Visit, ruling: Ruling, state: CaseState) -> UUID:
    decision_id, verified = uuid7(), ruling.kind is DecisionKind.VERIFIED
    category = (ruling.category or visit.category) if verified else None
    until = _last_day(visit, ruling.decided_on) if verified else None
    records.decisions.append(
        {
            "id": decision_id,
            "case_id": case.id,
            "household_id": case.household_id,
            "visit_id": visit.id,
            "kind": ruling.kind,
            "reasons": list(ruling.reasons),
            "category": category,
            "category_reason": ruling.category_reason if category != visit.category else None,
            "proposed_by": visit.visited_by,
            "decided_by": ruling.decided_by,
            "decided_on": ruling.decided_on,
            "decided_at": records.moment.now,
            "valid_until": until,
            "profile_revision": case.round if verified else None,
        }
    )
    case.state, case.valid_until = state, until
    if ruling.kind is DecisionKind.RETURNED:
        return decision_id
    case.decision_id = decision_id
    decided = Decided(decision_id, case, visit, ruling.decided_on, records.evidence.get(visit.id, []))
    if category is not None and until is not None:
        features = records.features.get(case.household_id, [])
        announce_verified(session, decided, category, until, records.keys[case.household_id], features)
    else:
        announce_rejected(session, decided, ruling.reasons)
    return decision_id


def _last_day(visit: Visit, decided_on: date) -> date:
    return valid_until(decided_on, forms().rules[visit.rule].validity_months)
