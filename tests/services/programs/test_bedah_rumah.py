"""House repair of Dinas PUPR: the money alone is the limit, and the fifty-first house is refused by name."""

from __future__ import annotations

from shared.events.programs import AidDisbursed, FundLineExhausted, HouseholdEnrolled, PaymentListSettled
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Family, Office, families, hear_of

LINE = "APBD-2023/64.72/RTLH"


async def test_the_fifty_first_house_is_refused_with_the_line_named(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "pupr-samarinda", "bedah-rumah-samarinda-2023")
    known = families(51)
    await hear_of(office.deployment, known, twice=False)
    decided = await office.enrol("RTLH-2023")
    assert (decided["accepted"], decided["refused"]) == (50, 1)
    [refused] = (await office.get(f"/proposals/{decided['proposal_id']}/items", state="refused"))["items"]
    assert refused["household_id"] == str(known[50].id)
    [reason] = refused["reasons"]
    assert reason["code"] == "fund-line-exhausted"
    assert reason["detail"] == f"Baris anggaran {LINE} tidak cukup: diperlukan Rp\xa020.000.000, tersisa Rp\xa00."
    [told] = await office.deployment.announced(FundLineExhausted)
    assert (told.fund_line, told.asked_rupiah, told.available_rupiah) == (LINE, 20_000_000, 0)
    assert len(await office.deployment.announced(HouseholdEnrolled)) == 50
    assert await office.line("RTLH-2023") == {
        "ceiling": 1_000_000_000,
        "reserved": 1_000_000_000,
        "committed": 0,
        "realised": 0,
        "returned": 0,
        "left": 0,
    }
    assert await office.reconcile() == []


async def test_a_voided_house_gives_its_money_to_the_next(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "pupr-samarinda", "bedah-rumah-samarinda-2023")
    known = families(51)
    await hear_of(office.deployment, known, twice=False)
    await office.enrol("RTLH-2023")
    [enrolment] = (await office.get("/enrolments", household_id=str(known[7].id)))["items"]
    await office.second(
        await office.post(f"/enrolments/{enrolment['enrolment_id']}/void", {"reason": "wrong-household"}, expect=202)
    )
    decided = await office.enrol("RTLH-2023", [known[50]])
    assert (decided["accepted"], decided["refused"]) == (1, 0)
    assert (await office.line("RTLH-2023"))["left"] == 0
    assert await office.reconcile() == []


async def test_who_was_helped_before_or_owns_no_land_is_told_so(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "pupr-samarinda", "bedah-rumah-samarinda-2023")
    tenant = Family("tenant", facts={"owns_land": False, "unfit_house": None})
    helped = Family("helped")
    await hear_of(office.deployment, [tenant, helped])
    await office.enrol("RTLH-2023", [helped])
    page = await office.get("/programmes/RTLH-2023/candidates")
    reasons = {item["household_id"]: [each["code"] for each in item["reasons"]] for item in page["items"]}
    assert reasons == {
        str(tenant.id): ["owns-land-not-met", "unfit-house-unknown"],
        str(helped.id): ["already-enrolled", "helped-before", "person-already-enrolled"],
    }


async def test_money_set_aside_with_the_place_survives_a_failed_payment(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "pupr-samarinda", "bedah-rumah-samarinda-2023")
    known = families(2)
    await hear_of(office.deployment, known)
    await office.enrol("RTLH-2023")
    made = await office.approved_list("RTLH-2023", "2023")
    first, second = await office.payments(made)
    await office.results(
        made,
        [
            f"{first['payment_id']},PAID,,2022-12-28",
            f"{second['payment_id']},FAILED,name-differs,2022-12-28",
        ],
    )
    [settled] = await office.deployment.announced(PaymentListSettled)
    assert (settled.paid_rupiah, settled.failed_rupiah) == (20_000_000, 20_000_000)
    line = await office.line("RTLH-2023")
    assert (line["reserved"], line["realised"]) == (20_000_000, 20_000_000)
    again = await office.approved_list("RTLH-2023", "2023")
    [item] = await office.payments(again)
    assert item["entitlement_id"] == second["entitlement_id"]
    await office.results(again, [f"{item['payment_id']},PAID,,2023-01-05"])
    paid = await office.deployment.announced(AidDisbursed)
    assert len({each.entitlement_id for each in paid}) == len(paid) == 2
    assert await office.reconcile() == []
