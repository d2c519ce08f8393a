"""What a decision says: the fact, without anything about people, and the profile for those who may read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.verification.bodies import MemberSent, VisitSent
from services.verification.forms import forms
from services.verification.models import Case, Visit
from services.verification.rules.facts import VisitFacts, facts_of, unfit_house
from services.verification.sealing import open_visit
from shared.events.fields import Category, OutcomeOfMember
from shared.events.intake import Housing, MemberProfile
from shared.events.verification import HouseholdRejected, HouseholdVerified, VerifiedProfile
from shared.messaging import Session, announce
from shared.security.vault import HouseholdKey


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was just taken, on which case and by which visit."""

    decision_id: UUID
    case: Case
    visit: Visit
    decided_on: date
    evidence: Sequence[str]


def announce_rejected(session: Session, decided: Decided, reasons: Sequence[str]) -> None:
    """Nobody of the household is confirmed; the outcome per member says what was found."""
    case, visit = decided.case, decided.visit
    announce(
        session,
        HouseholdRejected(
            case_id=case.id,
            household_id=case.household_id,
            region=case.region,
            round=case.round,
            reasons=list(reasons),
            rule=visit.rule,
            score=visit.score,
            outcomes=_outcomes(visit),
            visited_on=visit.visited_on,
            decided_on=decided.decided_on,
            decision_id=decided.decision_id,
        ),
    )


def announce_verified(
    session: Session,
    decided: Decided,
    category: Category,
    valid_until: date,
    key: HouseholdKey,
    features: Sequence[dict[str, Any]],
) -> None:
    """The fact, and the profile that it refers to by its revision."""
    case, visit = decided.case, decided.visit
    announce(
        session,
        HouseholdVerified(
            case_id=case.id,
            household_id=case.household_id,
            region=case.region,
            round=case.round,
            category=category,
            score=visit.score or 0,
            rule=visit.rule,
            outcomes=_outcomes(visit),
            reasons=visit.reasons,
            evidence_sha256=list(decided.evidence),
            evidence_count=visit.evidence_count,
            visited_on=visit.visited_on,
            decided_on=decided.decided_on,
            valid_until=valid_until,
            profile_revision=case.round,
            decision_id=decided.decision_id,
        ),
    )
    announce(session, profile_of(case, visit, category, open_visit(key, visit), features))


def profile_of(
    case: Case, visit: Visit, category: Category, sent: VisitSent, features: Sequence[dict[str, Any]]
) -> VerifiedProfile:
    """The facts of a verified household. Members are those confirmed; what the visit did not ask, the register says."""
    facts = facts_of(sent.given_answers())
    known = {str(each["member_id"]): each for each in features}
    rule = forms().rules[visit.rule]
    return VerifiedProfile(
        household_id=case.household_id,
        region=case.region,
        revision=case.round,
        category=category,
        members=[_member(each, known) for each in sent.outcomes if each.outcome == "confirmed"],
        housing=_housing(facts) if facts.has_shelter else None,
        owns_land=facts.owns_land,
        unfit_house=bool(unfit_house(facts, visit.confirmed_persons, rule.floor_dm2_per_person_min)),
        has_business=facts.has_business,
        committed=facts.committed,
        house_helped_before=facts.house_helped_before,
        income_per_person_rupiah=facts.income_per_person_rupiah,
    )


def _member(found: MemberSent, known: dict[str, dict[str, Any]]) -> MemberProfile:
    registered = known.get(str(found.member_id), {"sex": "unknown", "relation": "unknown"})
    seen = found.model_dump(include={"at_school", "works", "disability", "pregnant"}, exclude_none=True)
    return MemberProfile.model_validate({**registered, **seen, "member_id": found.member_id})


def _housing(facts: VisitFacts) -> Housing:
    return Housing(
        tenure=facts.tenure,
        floor=facts.floor,
        wall=facts.wall,
        roof=facts.roof,
        floor_area_m2=facts.floor_area_m2,
        toilet=facts.toilet,
        water=facts.water,
    )


def _outcomes(visit: Visit) -> list[OutcomeOfMember]:
    return [OutcomeOfMember.model_validate(each) for each in visit.outcomes]
