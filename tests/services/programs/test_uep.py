"""UEP of Dinas Koperasi: a frozen list, offers that expire, coaching, graduation, and the family that succeeds."""

from __future__ import annotations

from typing import Any

from services.programs.programme_files import shipped
from shared.events.programs import (
    GraduationReversed,
    HouseholdEnrolled,
    HouseholdGraduated,
    HouseholdWaitlisted,
    OfferDeclined,
    QuotaThresholdReached,
    ServiceDelivered,
    SlotFilled,
    SlotOffered,
    SlotReleased,
)
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Family, Office, families, hear_of

EVIDENCE = ["business-continues", "profit", "savings"]
REGION = "64.72.05"


async def uep(deployment_of: DeploymentFactory, places: int) -> Office:
    """UEP with so many places in Samarinda Utara."""
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    quota = {"region": REGION, "period": "2023", "places": places, "reason": "budget-changed"}
    await office.post("/programmes/UEP-2023/quotas", quota)
    return office


async def freeze_and_offer(office: Office) -> list[dict[str, Any]]:
    await office.post("/programmes/UEP-2023/waitlists", {}, expect=201)
    offers = await office.post("/programmes/UEP-2023/offers", {"region": REGION}, expect=201)
    found: list[dict[str, Any]] = offers["offers"]
    return found


async def accept(office: Office, offer: dict[str, Any]) -> dict[str, Any]:
    return await office.post(f"/offers/{offer['offer_id']}/accept", by=office.two)


async def open_offers(office: Office) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.get("/programmes/UEP-2023/offers"))["offers"]
    return found


async def test_places_are_offered_in_rank_order_and_expire(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, second, third = known = families(3)
    await hear_of(office.deployment, [*known, Family("no-business", score=99, facts={"has_business": False})])
    [offer] = await freeze_and_offer(office)
    ranks = {each.household_id: each.rank for each in await office.deployment.announced(HouseholdWaitlisted)}
    assert ranks == {first.id: 1, second.id: 2, third.id: 3}
    assert offer["household_id"] == str(first.id)
    assert (await office.line("UEP-2023"))["reserved"] == 2_500_000

    office.deployment.clock.move(days=8)
    assert await office.deployment.run_due() == 1
    [declined] = await office.deployment.announced(OfferDeclined)
    assert (declined.household_id, declined.reason) == (first.id, "expired")
    [offer] = await open_offers(office)
    assert offer["household_id"] == str(second.id)

    await office.post(f"/offers/{offer['offer_id']}/decline", {"reason": "declined"})
    [offer] = await open_offers(office)
    accepted = await accept(office, offer)
    assert (accepted["state"], accepted["household_id"], accepted["reasons"]) == ("accepted", str(third.id), [])
    office.deployment.clock.move(days=30)
    await office.deployment.run_due()
    [enrolled] = await office.deployment.announced(HouseholdEnrolled)
    assert (enrolled.household_id, enrolled.rank) == (third.id, 3)
    assert (await office.line("UEP-2023"))["reserved"] == 2_500_000
    assert await office.reconcile() == []


async def test_an_offer_looks_again_and_says_why_it_passes_over(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, second = known = families(2)
    await hear_of(office.deployment, known)
    await office.post("/programmes/UEP-2023/waitlists", {}, expect=201)
    await office.deployment.deliver(first.verified(round=2, category="not-poor"), agency="dinsos-samarinda")
    [offer] = (await office.post("/programmes/UEP-2023/offers", {}, expect=201))["offers"]
    assert offer["household_id"] == str(second.id)
    [skip] = await office.deployment.fetch("select household_id, rank, reasons from skip")
    assert (skip.household_id, skip.rank, skip.reasons[0]["code"]) == (first.id, 1, "category-not-served")
    # The rank stays: once the family fits again, the next place is its.
    await office.deployment.deliver(first.verified(round=3), agency="dinsos-samarinda")
    await office.post(f"/offers/{offer['offer_id']}/decline", {"reason": "declined"})
    [offer] = await open_offers(office)
    assert offer["household_id"] == str(first.id)


async def test_a_last_look_may_withdraw_an_offer(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, second = known = families(2)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    await office.deployment.deliver(first.verified(round=2, category="not-poor"), agency="dinsos-samarinda")
    answer = await accept(office, offer)
    assert (answer["state"], answer["reasons"][0]["code"]) == ("withdrawn", "category-not-served")
    [offer] = await open_offers(office)
    assert offer["household_id"] == str(second.id)
    assert await office.reconcile() == []


async def test_who_froze_the_list_does_not_take_the_answer(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    await hear_of(office.deployment, families(1))
    [offer] = await freeze_and_offer(office)
    refused = await office.post(f"/offers/{offer['offer_id']}/accept", expect=409)
    assert refused["code"] == "second-person-required"


async def test_a_graduated_place_goes_to_the_next_family(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, second = known = families(2)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    enrolment = (await accept(office, offer))["enrolment_id"]
    service = {"service": "coaching", "delivered_on": "2022-12-05", "minutes": 90}
    await office.post(f"/enrolments/{enrolment}/services", service, expect=201)
    assert len(await office.deployment.announced(ServiceDelivered)) == 1

    proposal = {"reason": "income-risen", "evidence": EVIDENCE}
    early = await office.post(f"/enrolments/{enrolment}/graduations", proposal, expect=409)
    assert [each["code"] for each in early["errors"]] == ["graduation-too-early"]
    office.deployment.clock.move(days=91)
    graduation = await office.post(f"/enrolments/{enrolment}/graduations", proposal, expect=201)
    decision = f"/graduations/{graduation['graduation_id']}/decision"
    soon = await office.post(decision, {"approve": True}, by=office.two, expect=409)
    assert [each["code"] for each in soon["errors"]] == ["objection-window-open"]
    office.deployment.clock.move(days=15)
    alone = await office.post(decision, {"approve": True}, expect=409)
    assert alone["code"] == "second-person-required"
    await office.post(decision, {"approve": True}, by=office.two)

    [released] = await office.deployment.announced(SlotReleased)
    assert (released.household_id, released.reason) == (first.id, "graduated")
    # The first family asked does not answer in time; the chain goes on under the same id.
    [offer] = await open_offers(office)
    await accept(office, offer)
    filled = (await office.deployment.announced(SlotFilled))[-1]
    assert (filled.household_id, filled.succeeds, filled.rank) == (second.id, first.id, 2)
    assert await correlations(office, HouseholdGraduated, SlotReleased, SlotOffered, HouseholdEnrolled, SlotFilled) == {
        graduation_correlation(await office.deployment.announced_headers(HouseholdGraduated))
    }
    assert await office.reconcile() == []


async def test_one_correlation_id_runs_through_expiry_to_the_successor(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    _, _, third = known = families(3)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    await graduate(office, (await accept(office, offer))["enrolment_id"])
    office.deployment.clock.move(days=8)
    await office.deployment.run_due()
    [offer] = await open_offers(office)
    assert offer["household_id"] == str(third.id)
    await accept(office, offer)
    chain = (HouseholdGraduated, SlotReleased, OfferDeclined, SlotOffered, HouseholdEnrolled, SlotFilled)
    assert len(await correlations(office, *chain)) == 1


async def test_a_reversed_graduation_returns_to_the_place_or_to_the_rank(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, _ = known = families(2)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    enrolment = (await accept(office, offer))["enrolment_id"]
    graduation = await graduate(office, enrolment)
    [offer] = await open_offers(office)
    asked = await office.post(f"/graduations/{graduation}/reversal", {"reason": "recorded-in-error"}, expect=202)
    await office.second(asked)
    # The place is held for the second family, so the first returns to its rank.
    [reversed_] = await office.deployment.announced(GraduationReversed)
    assert reversed_.household_id == first.id
    assert (await office.get(f"/enrolments/{enrolment}"))["status"] == "ended"
    await office.post(f"/offers/{offer['offer_id']}/decline", {"reason": "declined"})
    [offer] = await open_offers(office)
    assert (offer["household_id"], offer["rank"]) == (str(first.id), 1)
    assert await office.reconcile() == []


async def test_a_rank_survives_a_newer_list(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    first, second = known = families(2)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    enrolment = (await accept(office, offer))["enrolment_id"]
    # The newer list is frozen without the family that takes part.
    await office.post("/programmes/UEP-2023/waitlists", {}, expect=201)
    asked = await office.post(f"/enrolments/{enrolment}/void", {"reason": "entered-in-error"}, expect=202)
    await office.second(asked)
    [offer] = await open_offers(office)
    assert offer["household_id"] == str(second.id)
    await office.post(f"/offers/{offer['offer_id']}/decline", {"reason": "declined"})
    [offer] = await open_offers(office)
    assert (offer["household_id"], offer["rank"]) == (str(first.id), 1)
    assert await office.reconcile() == []


async def test_a_graduation_is_not_reversed_beside_a_new_enrolment(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=2)
    [only] = families(1)
    await hear_of(office.deployment, [only])
    [offer] = await freeze_and_offer(office)
    graduation = await graduate(office, (await accept(office, offer))["enrolment_id"])
    asked = await office.post(f"/graduations/{graduation}/reversal", {"reason": "recorded-in-error"}, expect=202)
    decision = (f"/corrections/{asked['correction_id']}/decision", {"approve": True})
    [offer] = await freeze_and_offer(office)
    assert (await office.post(*decision, by=office.two, expect=409))["code"] == "household-enrolled-anew"
    await accept(office, offer)
    assert (await office.post(*decision, by=office.two, expect=409))["code"] == "household-enrolled-anew"
    assert await office.reconcile() == []


async def test_a_graduation_reversed_in_time_keeps_its_place(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    [only] = families(1)
    await hear_of(office.deployment, [only])
    [offer] = await freeze_and_offer(office)
    enrolment = (await accept(office, offer))["enrolment_id"]
    graduation = await graduate(office, enrolment)
    asked = await office.post(f"/graduations/{graduation}/reversal", {"reason": "recorded-in-error"}, expect=202)
    await office.second(asked)
    assert (await office.get(f"/enrolments/{enrolment}"))["status"] == "active"
    [slot] = (await office.get("/programmes/UEP-2023/slots", region=REGION))["slots"]
    assert (slot["state"], slot["household_id"]) == ("filled", str(only.id))
    assert await office.reconcile() == []


async def test_a_successor_enters_the_version_in_force(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    _, second = known = families(2)
    await hear_of(office.deployment, known)
    [offer] = await freeze_and_offer(office)
    enrolment = (await accept(office, offer))["enrolment_id"]
    newer = shipped()["uep-samarinda-2023"].replace("version: 1", "version: 2").replace("places: 40", "places: 1")
    await office.post("/programmes", {"document": newer.replace("2500000", "3000000")}, expect=201)
    await graduate(office, enrolment)
    [offer] = await open_offers(office)
    await accept(office, offer)
    entered = (await office.deployment.announced(HouseholdEnrolled))[-1]
    assert (entered.household_id, entered.programme_version) == (second.id, 2)
    made = await office.approved_list("UEP-2023", "2023")
    assert [item["rupiah"] for item in await office.payments(made)] == [3_000_000]
    assert await office.reconcile() == []


async def test_a_batch_takes_the_places_in_rank_order(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=2)
    known = families(3)
    await hear_of(office.deployment, [*known, Family("elsewhere", region="64.72.01.1001", score=10)])
    decided = await office.enrol("UEP-2023")
    assert (decided["accepted"], decided["refused"]) == (3, 1)
    items = (await office.get(f"/proposals/{decided['proposal_id']}/items", state="refused"))["items"]
    assert [(item["household_id"], item["reasons"][0]["code"]) for item in items] == [(str(known[2].id), "quota-full")]
    assert len(await office.deployment.announced(SlotFilled)) == 3
    told = {each.region: each.taken for each in await office.deployment.announced(QuotaThresholdReached)}
    assert told == {REGION: 2}
    assert await office.reconcile() == []


async def test_a_list_that_passes_over_a_better_rank_is_refused(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=2)
    known = families(3)
    await hear_of(office.deployment, known)
    await office.post("/programmes/UEP-2023/waitlists", {}, expect=201)
    wanted = {"households": [str(known[2].id), str(known[0].id)]}
    proposal = await office.post("/programmes/UEP-2023/enrolments:batch", wanted, expect=201)
    items = (await office.get(f"/proposals/{proposal['proposal_id']}/items"))["items"]
    assert [(item["household_id"], [each["code"] for each in item["reasons"]]) for item in items] == [
        (str(known[0].id), []),
        (str(known[2].id), ["rank-not-reached"]),
    ]


async def graduate(office: Office, enrolment: str) -> str:
    """From coaching to the second person's decision; the graduation's id."""
    service = {"service": "coaching", "delivered_on": office.deployment.clock.now().date().isoformat()}
    await office.post(f"/enrolments/{enrolment}/services", service, expect=201)
    office.deployment.clock.move(days=91)
    proposal = {"reason": "income-risen", "evidence": EVIDENCE}
    graduation = await office.post(f"/enrolments/{enrolment}/graduations", proposal, expect=201)
    office.deployment.clock.move(days=15)
    found: str = graduation["graduation_id"]
    await office.post(f"/graduations/{found}/decision", {"approve": True}, by=office.two)
    return found


def graduation_correlation(headers: list[dict[str, str]]) -> str:
    [one] = headers
    return one["ce_correlationid"]


async def correlations(office: Office, *events: Any) -> set[str]:
    """The correlation ids of the last fact of each kind."""
    return {(await office.deployment.announced_headers(event))[-1]["ce_correlationid"] for event in events}
