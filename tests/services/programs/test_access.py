"""Who may do what: roles, regions, second persons; and nobody benefits twice."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from shared.events.fields import MemberOutcome, OutcomeOfMember
from shared.events.intake import HouseholdRegistered
from shared.events.programs import EnrolmentVoided, HouseholdEnrolled, SlotReleased
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import COHORT, Family, Office, families, hear_of


async def test_the_same_person_in_two_households_is_enrolled_once(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    first, second = Family("parents", persons=2), Family("newly-wed", persons=2)
    shared_one = first.members[1]
    await hear_of(office.deployment, [first, second])
    said = second.registered().model_dump(mode="json") | {"members": [str(shared_one), str(second.members[0])]}
    moved = HouseholdRegistered.model_validate(said | {"revision": 2})
    outcomes = [
        OutcomeOfMember(member_id=member, outcome=MemberOutcome.CONFIRMED) for member in (shared_one, second.members[0])
    ]
    entry = first.entries()[1].model_copy(
        update={"entry_id": uuid4(), "household_id": second.id, "member_id": shared_one, "cohort": COHORT}
    )
    await office.deployment.deliver(moved, entry, second.verified(round=2, outcomes=outcomes))
    decided = await office.enrol("BLT-2022", [first, second])
    assert (decided["accepted"], decided["refused"]) == (1, 1)
    [refused] = (await office.get(f"/proposals/{decided['proposal_id']}/items", state="refused"))["items"]
    assert [each["code"] for each in refused["reasons"]] == ["person-already-enrolled"]
    enrolled = await office.deployment.announced(HouseholdEnrolled)
    assert sum(shared_one in each.members for each in enrolled) == 1


async def test_the_same_household_is_enrolled_once(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, families(1))
    early = await office.post("/programmes/BLT-2022/enrolments:batch", {"scan": {}}, expect=201)
    assert (await office.enrol("BLT-2022"))["accepted"] == 1
    late = await office.approve(early)
    assert (late["accepted"], late["refused"]) == (0, 1)
    assert len(await office.deployment.announced(HouseholdEnrolled)) == 1
    again = await office.post(
        f"/proposals/{early['proposal_id']}/decision",
        {"approve": True, "decree": {"number": "1", "dated": "2022-12-19"}},
        by=office.two,
        expect=409,
    )
    assert again["code"] == "already-decided"


async def test_a_proposal_needs_a_second_person(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, families(1))
    proposal = await office.post("/programmes/BLT-2022/enrolments:batch", {"scan": {}}, expect=201)
    path = f"/proposals/{proposal['proposal_id']}/decision"
    body = {"approve": True, "decree": {"number": "1", "dated": "2022-12-19"}}
    assert (await office.post(path, body, expect=409))["code"] == "second-person-required"
    assert (await office.post(path, {"approve": True}, by=office.two, expect=422))["code"]
    refused = await office.post(path, {"approve": False}, by=office.two)
    assert refused["state"] == "refused"
    assert await office.deployment.announced(HouseholdEnrolled) == []


async def test_a_void_returns_place_rank_and_money(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await office.post(
        "/programmes/UEP-2023/quotas",
        {"region": "64.72.05", "period": "2023", "places": 1, "reason": "budget-changed"},
    )
    first, second = known = families(2)
    await hear_of(office.deployment, known)
    await office.post("/programmes/UEP-2023/waitlists", {}, expect=201)
    [offer] = (await office.post("/programmes/UEP-2023/offers", {}, expect=201))["offers"]
    enrolment = (await office.post(f"/offers/{offer['offer_id']}/accept", by=office.two))["enrolment_id"]
    asked = await office.post(f"/enrolments/{enrolment}/void", {"reason": "entered-in-error"}, expect=202)
    twice = await office.post(f"/enrolments/{enrolment}/void", {"reason": "entered-in-error"}, expect=409)
    assert twice["code"] == "correction-open"
    await office.second(asked)
    [voided] = await office.deployment.announced(EnrolmentVoided)
    assert (voided.household_id, voided.rank, voided.returned_rupiah) == (first.id, 1, 2_500_000)
    [enrolled] = await office.deployment.announced(HouseholdEnrolled)
    assert voided.corrects == enrolled.decision_id
    assert [each.reason for each in await office.deployment.announced(SlotReleased)] == ["voided"]
    ranks = (await office.get("/programmes/UEP-2023/waitlist", region="64.72.05"))["items"]
    assert [(each["rank"], each["state"]) for each in ranks] == [(1, "waiting"), (2, "offered")]
    [offer] = (await office.get("/programmes/UEP-2023/offers"))["offers"]
    assert offer["household_id"] == str(second.id)
    assert (await office.line("UEP-2023"))["reserved"] == 2_500_000
    assert await office.reconcile() == []


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/programmes", Role.PAYMENT_MAKER),
        ("/programmes/BLT-2022/enrolments:batch", Role.PAYMENT_CHECKER),
        ("/programmes/BLT-2022/waitlists", Role.PROPOSER),
        ("/payment-lists", Role.PAYMENT_CHECKER),
        (f"/payment-lists/{UUID(int=1)}/decision", Role.PAYMENT_MAKER),
        (f"/payments/{UUID(int=1)}/reversal", Role.PROGRAMME_OFFICER),
        (f"/enrolments/{UUID(int=1)}/void", Role.COORDINATOR),
    ],
)
async def test_a_role_does_its_own_part_only(deployment_of: DeploymentFactory, path: str, role: Role) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    refused = await office.post(path, {}, by=office.deployment.client(role), expect=403)
    assert refused["code"] == "role-missing"


async def test_another_region_and_another_agency_see_nothing(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    [family] = known = families(1)
    await hear_of(office.deployment, known)
    elsewhere = office.deployment.client(Role.PROGRAMME_OFFICER, regions=["64.71"])
    for path in (f"/households/{family.id}/benefits", "/programmes/BLT-2022/fund-lines", "/programmes/BLT-2022"):
        answer = await elsewhere.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "region-not-yours")
    assert (await elsewhere.get("/api/v1/programmes/BLT-2022/candidates")).json()["items"] == []
    assert (await elsewhere.get("/api/v1/households:unserved")).json()["items"] == []
    part = office.deployment.client(Role.PROPOSER, regions=["64.72.01"], subject="kelurahan")
    body = {"households": [str(family.id)]}
    refused = await office.post("/programmes/BLT-2022/enrolments:batch", body, by=part, expect=403)
    assert refused["code"] == "region-not-yours"
    stranger = office.deployment.client(Role.PROGRAMME_OFFICER, agency="dinkop-samarinda")
    answer = await stranger.get("/api/v1/programmes")
    assert (answer.status_code, answer.json()["code"]) == (403, "other-agency")


async def test_what_nobody_knows_is_told_so(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    nowhere = UUID(int=1)
    for path, body, code in (
        ("/programmes/UEP-2023/enrolments:batch", {"scan": {}}, "programme-not-found"),
        (f"/proposals/{nowhere}/decision", {"approve": False}, "proposal-not-found"),
        (f"/offers/{nowhere}/accept", {}, "offer-not-found"),
        (f"/payment-lists/{nowhere}/submission", {}, "payment-list-not-found"),
        (f"/enrolments/{nowhere}/void", {"reason": "entered-in-error"}, "enrolment-not-found"),
        (f"/payments/{nowhere}/reversal", {"reason": "recorded-in-error"}, "payment-not-found"),
        (f"/graduations/{nowhere}/decision", {"approve": True}, "graduation-not-found"),
        (f"/corrections/{nowhere}/decision", {"approve": True}, "correction-not-found"),
    ):
        assert (await office.post(path, body, expect=404))["code"] == code
    unlisted = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2031"}, expect=422)
    assert unlisted["code"] == "period-unknown"
    both = await office.post("/programmes/BLT-2022/enrolments:batch", {"scan": {}, "households": []}, expect=422)
    assert both["code"]
    proposal = await office.post("/programmes/BLT-2022/enrolments:batch", {"households": [str(nowhere)]}, expect=201)
    [item] = (await office.get(f"/proposals/{proposal['proposal_id']}/items"))["items"]
    assert [each["code"] for each in item["reasons"]] == ["household-unknown"]
