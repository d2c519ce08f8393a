"""Decisions: two people, coded reasons, and the way back."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from shared.events.fields import Category, MemberOutcome
from shared.events.intake import DuplicateResolved, DuplicateSuspected, HouseholdProfile, HouseholdUpdated
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationOpened,
    VerificationRevoked,
    VerifiedProfile,
)
from shared.security import Role
from tests.services.verification.city import OFFICER, OTHER_SUPERVISOR, SUPERVISOR, City
from tests.services.verification.story import ANSWERS, photo, visit


async def test_two_people_verify_a_household(city: City) -> None:
    case_id, household = await city.visited(outcomes=["confirmed", "died", "moved"])
    done = await city.decide(case_id, decision="verified")
    assert done.status_code == 201
    assert await city.state_of(case_id) == "verified"
    (said,) = await city.deployment.announced(HouseholdVerified)
    assert said.decision_id == UUID(done.json()["decision_id"])
    assert [each.outcome for each in said.outcomes] == [
        MemberOutcome.CONFIRMED, MemberOutcome.DIED, MemberOutcome.MOVED,
    ]  # fmt: skip
    assert (said.category, said.score, said.rule) == (Category.EXTREME_POOR, 90, "kemiskinan-2022-1")
    assert said.reasons == ["floor-earth", "wall-wood-board-gypsum-grc", "no-own-toilet", "power-450-w"]
    assert said.evidence_sha256 == [photo(household)["sha256"]]
    assert (said.decided_on, said.valid_until) == (date(2022, 12, 5), date(2023, 12, 5))
    assert said.profile_revision == 1


async def test_the_profile_holds_the_confirmed_members_and_the_visit_outweighs_the_register(city: City) -> None:
    case_id, household = await city.assigned(members=2)
    head, gone = household.members
    profile = HouseholdProfile.from_example().model_copy(update={"household_id": household.household_id})
    members = [
        member.model_copy(update={"member_id": member_id})
        for member, member_id in zip(profile.members, household.members, strict=True)
    ]
    await city.deployment.deliver(profile.model_copy(update={"members": members}))
    body = visit(household, outcomes=["confirmed", "moved"])
    body["outcomes"][0] |= {"works": False, "disability": True}
    await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=body)
    await city.decide(case_id, decision="verified")
    (said,) = await city.deployment.announced(VerifiedProfile)
    (member,) = said.members
    assert (member.member_id, member.sex, member.birth_year, member.relation) == (head, "female", 1984, "head")
    assert (member.works, member.disability) == (False, True)
    assert gone not in [each.member_id for each in said.members]
    assert said.housing is not None
    assert (said.housing.floor, said.housing.toilet, said.owns_land, said.unfit_house) == (
        "earth",
        "shared",
        True,
        True,
    )
    assert (said.income_per_person_rupiah, said.has_business, said.committed) == (250_000, True, True)


async def test_the_fact_says_nothing_about_people(city: City) -> None:
    case_id, _ = await city.visited(answers=ANSWERS | {"head_has_work": False, "worried_about_food": True})
    await city.decide(case_id, decision="verified")
    (said,) = await city.deployment.announced(HouseholdVerified)
    assert not {"head-without-work", "worried-about-food", "food-over-half"}.intersection(said.reasons)


async def test_a_household_is_rejected_with_coded_reasons(city: City) -> None:
    case_id, _ = await city.visited(answers=ANSWERS | {"company_owner": True})
    done = await city.decide(case_id, decision="rejected", reasons=["company-owner"])
    assert done.status_code == 201
    (said,) = await city.deployment.announced(HouseholdRejected)
    assert (said.reasons, said.decision_id) == (["company-owner"], UUID(done.json()["decision_id"]))
    assert await city.deployment.announced(VerifiedProfile) == []
    assert await city.state_of(case_id) == "rejected"


async def test_whoever_visited_does_not_decide(city: City) -> None:
    case_id, household = await city.assigned()
    both = city.deployment.client(Role.FIELD_VERIFIER, Role.VERIFICATION_SUPERVISOR, subject=SUPERVISOR)
    await both.post(f"/api/v1/cases/{case_id}/visits", json=visit(household))
    refused = await city.decide(case_id, by=SUPERVISOR, decision="verified")
    assert (refused.status_code, refused.json()["code"]) == (403, "same-person")
    assert (await city.decide(case_id, by=OTHER_SUPERVISOR, decision="verified")).status_code == 201


async def test_an_officer_does_not_decide(city: City) -> None:
    case_id, _ = await city.visited()
    refused = await city.officer("petugas-2").post(f"/api/v1/cases/{case_id}/decision", json={"decision": "verified"})
    assert (refused.status_code, refused.json()["code"]) == (403, "role-missing")


async def test_a_supervisor_of_another_place_does_not_decide(city: City) -> None:
    case_id, _ = await city.visited()
    other = city.supervisor(regions=["64.72.01"])
    refused = await other.post(f"/api/v1/cases/{case_id}/decision", json={"decision": "verified"})
    assert (refused.status_code, refused.json()["code"]) == (403, "region-not-yours")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"decision": "rejected"}, "reasons-missing"),
        ({"decision": "rejected", "reasons": ["because"]}, "reason-not-listed"),
        ({"decision": "returned"}, "reasons-missing"),
        ({"decision": "returned", "reasons": ["died"]}, "reason-not-listed"),
        ({"decision": "verified", "reasons": ["died"]}, "reason-not-listed"),
        ({"decision": "verified", "category": "not-poor"}, "category-reason-missing"),
        ({"decision": "verified", "decided_on": "2022-12-06"}, "day-in-future"),
        ({"decision": "verified", "decided_on": "2022-12-04"}, "decided-before-visit"),
        ({"decision": "maybe"}, "not-a-choice"),
    ],
)
async def test_a_decision_with_a_mistake_is_refused_by_name(city: City, body: dict[str, Any], code: str) -> None:
    case_id, _ = await city.visited()
    refused = await city.decide(case_id, **body)
    assert refused.status_code == 422
    assert code in [error["code"] for error in refused.json()["errors"]]
    assert await city.state_of(case_id) == "visited"


async def test_two_people_may_see_a_household_otherwise_than_the_score(city: City) -> None:
    case_id, _ = await city.visited()
    body = {"decision": "verified", "category": "poor", "category_reason": "answers-overstate"}
    assert (await city.decide(case_id, **body)).status_code == 201
    (said,) = await city.deployment.announced(HouseholdVerified)
    assert (said.category, said.score) == (Category.POOR, 90)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"outcomes": ["moved", "died", "moved"]}, "nobody-confirmed"),
        ({"answers": None, "no_answer_reason": "refused"}, "nobody-answered"),
    ],
)
async def test_what_nobody_established_is_not_verified(city: City, changed: dict[str, Any], code: str) -> None:
    case_id, _ = await city.visited(**changed)
    refused = await city.decide(case_id, decision="verified")
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    assert (await city.decide(case_id, decision="rejected", reasons=["refused"])).status_code == 201


async def test_an_open_question_of_duplicates_holds_the_decision(city: City) -> None:
    case_id, household = await city.visited()
    changed = {"household_id": household.household_id}
    await city.deployment.deliver(DuplicateSuspected.from_example().model_copy(update=changed))
    held = await city.decide(case_id, decision="verified")
    assert (held.status_code, held.json()["code"]) == (409, "duplicate-question-open")
    await city.deployment.deliver(DuplicateResolved.from_example().model_copy(update=changed))
    assert (await city.decide(case_id, decision="verified")).status_code == 201


async def test_a_changed_roster_sends_the_officer_again(city: City) -> None:
    case_id, household = await city.visited(members=2)
    born = household.model_copy(update={"members": [*household.members, case_id], "persons": 3, "revision": 2})
    await city.deployment.deliver(HouseholdUpdated(**born.model_dump(), reason="birth"))
    refused = await city.decide(case_id, decision="verified")
    assert (refused.status_code, refused.json()["code"]) == (409, "roster-changed")
    assert (await city.decide(case_id, decision="returned", reasons=["roster-changed"])).status_code == 201
    assert await city.state_of(case_id) == "returned"
    again = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(born))
    assert again.status_code == 201
    assert (await city.decide(case_id, decision="verified")).status_code == 201
    (said,) = await city.deployment.announced(HouseholdVerified)
    assert len(said.outcomes) == 3


async def test_a_decided_case_is_not_decided_again(city: City) -> None:
    case_id, _, _ = await city.verified()
    refused = await city.decide(case_id, by=OTHER_SUPERVISOR, decision="rejected", reasons=["died"])
    assert (refused.status_code, refused.json()["code"]) == (409, "case-not-in-state")


async def test_the_list_of_a_kelurahan_is_decided_in_one_request(city: City) -> None:
    cases = [(await city.visited(members=1))[0] for _ in range(4)]
    items: list[dict[str, Any]] = [{"case_id": str(case_id), "decision": "verified"} for case_id in cases]
    items[1] = {"case_id": str(cases[1]), "decision": "rejected", "reasons": ["moved-away"]}
    items[2] = {"case_id": str(cases[2]), "decision": "rejected"}
    items[3] = {"case_id": "not-an-id", "decision": "verified"}
    items.append(dict(items[0]))
    done = (await city.supervisor().post("/api/v1/decisions:batch", json={"decisions": items})).json()
    codes = [[error["code"] for error in each["errors"]] for each in done["results"]]
    assert codes == [[], [], ["reasons-missing"], ["wrong-type"], ["case-not-in-state"]]
    assert (done["recorded"], done["refused"]) == (2, 3)
    names = await city.deployment.announced_names()
    assert (names.count("HouseholdVerified"), names.count("HouseholdRejected")) == (1, 1)


async def test_a_decision_is_taken_back_by_a_third_person_and_a_new_round_begins(city: City) -> None:
    case_id, decision_id, household = await city.verified()
    path = f"/api/v1/cases/{case_id}/revocation"
    body = {"decision_id": str(decision_id), "reason": "evidence-of-another-house"}
    same = await city.supervisor(SUPERVISOR).post(path, json=body)
    assert (same.status_code, same.json()["code"]) == (403, "same-person")
    done = await city.supervisor(OTHER_SUPERVISOR).post(path, json=body)
    assert done.status_code == 201
    (said,) = await city.deployment.announced(VerificationRevoked)
    assert (said.corrects, said.reason, said.round) == (decision_id, "evidence-of-another-house", 1)
    next_case = UUID(done.json()["next_case_id"])
    assert (await city.state_of(case_id), await city.state_of(next_case)) == ("revoked", "assigned")
    assert [(each.round, each.reason) for each in await city.deployment.announced(VerificationOpened)] == [
        (1, "cohort"), (2, "revoked"),
    ]  # fmt: skip
    again = await city.supervisor(OTHER_SUPERVISOR).post(path, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "case-not-in-state")
    await city.officer().post(f"/api/v1/cases/{next_case}/visits", json=visit(household))
    await city.decide(next_case, decision="verified")
    assert [each.revision for each in await city.deployment.announced(VerifiedProfile)] == [1, 2]


async def test_the_visitor_does_not_take_a_decision_back(city: City) -> None:
    case_id, decision_id, _ = await city.verified()
    body = {"decision_id": str(decision_id), "reason": "decided-in-error"}
    refused = await city.supervisor(OFFICER).post(f"/api/v1/cases/{case_id}/revocation", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "same-person")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"reason": "because"}, 422, "revocation-refused"),
        ({"decision_id": "0192f1d0-7c11-7a10-8a00-000000000102"}, 409, "decision-not-current"),
    ],
)
async def test_a_revocation_names_the_decision_and_a_listed_reason(
    city: City, changed: dict[str, Any], status: int, code: str
) -> None:
    case_id, decision_id, _ = await city.verified()
    body = {"decision_id": str(decision_id), "reason": "decided-in-error", **changed}
    refused = await city.supervisor(OTHER_SUPERVISOR).post(f"/api/v1/cases/{case_id}/revocation", json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await city.state_of(case_id) == "verified"


async def test_one_key_decides_once(city: City) -> None:
    case_id, _ = await city.visited()
    path, body = f"/api/v1/cases/{case_id}/decision", {"decision": "verified"}
    headers = {"Idempotency-Key": "keputusan-0001"}
    first = await city.supervisor().post(path, json=body, headers=headers)
    second = await city.supervisor().post(path, json=body, headers=headers)
    assert first.json() == second.json()
    assert len(await city.deployment.announced(HouseholdVerified)) == 1
