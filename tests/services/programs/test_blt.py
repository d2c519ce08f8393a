"""BLT of Dinas Sosial: a proposal, a decree, a payment list, the payer's results."""

from __future__ import annotations

from shared.events.fields import Category
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    HouseholdEnrolled,
    PaymentListSettled,
    PaymentListSubmitted,
)
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Family, Office, hear_of


async def test_confirmed_members_of_the_list_are_enrolled_and_paid(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    known = [
        Family("whole", persons=4),
        Family("one-moved", persons=4, confirmed=3),
        Family("one-not-listed", persons=3, in_cohort=2),
        Family("outside", persons=3, in_cohort=0),
        Family("better-off", category=Category.VULNERABLE),
    ]
    await hear_of(office.deployment, known)

    proposal = await office.post(
        "/programmes/BLT-2022/enrolments:batch", {"households": [str(each.id) for each in known]}, expect=201
    )
    assert (proposal["accepted"], proposal["refused"], proposal["persons"]) == (3, 2, 9)
    items = (await office.get(f"/proposals/{proposal['proposal_id']}/items", state="refused"))["items"]
    assert {item["household_id"]: [each["code"] for each in item["reasons"]] for item in items} == {
        str(known[3].id): ["outside-cohort", "too-few-confirmed-members"],
        str(known[4].id): ["category-not-served"],
    }
    decided = await office.approve(proposal)
    assert (decided["state"], decided["accepted"], decided["refused"]) == ("done", 3, 2)
    enrolled = await office.deployment.announced(HouseholdEnrolled)
    assert {each.household_id: each.persons for each in enrolled} == {
        known[0].id: 4,
        known[1].id: 3,
        known[2].id: 2,
    }
    assert len({each.decision_id for each in enrolled}) == 1
    assert all(each.decree and each.decree.list_sha256 == proposal["list_sha256"] for each in enrolled)

    made = await office.approved_list("BLT-2022", "2022")
    assert (made["families"], made["persons"], made["rupiah"]) == (3, 9, 2_700_000)
    assert await office.line("BLT-2022") == {
        "ceiling": 2_700_000_000,
        "reserved": 0,
        "committed": 2_700_000,
        "realised": 0,
        "returned": 0,
        "left": 2_697_300_000,
    }
    items = await office.payments(made)
    lines = [f"{item['payment_id']},PAID,,2022-12-28" for item in items[1:]]
    lines.append(f"{items[0]['payment_id']},FAILED,account-closed,2022-12-28")
    told = await office.results(made, lines)
    assert (told["taken"], told["unchanged"]) == (3, 0)

    paid = await office.deployment.announced(AidDisbursed)
    failed = await office.deployment.announced(AidFailed)
    assert sum(each.persons for each in [*paid, *failed]) == 9
    assert all(each.rupiah == 300_000 * each.persons for each in paid)
    [settled] = await office.deployment.announced(PaymentListSettled)
    assert settled.paid_rupiah + settled.failed_rupiah == 2_700_000
    assert len(await office.deployment.announced(PaymentListSubmitted)) == 1
    line = await office.line("BLT-2022")
    assert line["realised"] == settled.paid_rupiah
    assert line["left"] + line["realised"] == line["ceiling"]
    assert await office.reconcile() == []
