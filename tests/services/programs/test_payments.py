"""Payment lists: what is asked again before money moves, results that come twice, and money that comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.programs import settle_payments
from shared.events.intake import DuplicateResolved, DuplicateSuspected
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    AidReturned,
    AidReversed,
    EnrolmentResumed,
    EnrolmentSuspended,
    PaymentListSettled,
)
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import NOWHERE, Family, Office, families, hear_of


async def blt(deployment_of: DeploymentFactory, known: list[Family]) -> Office:
    """BLT with these families enrolled."""
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, known)
    await office.enrol("BLT-2022")
    return office


async def paid(office: Office) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A list of everyone, all paid."""
    made = await office.approved_list("BLT-2022", "2022")
    items = await office.payments(made)
    await office.results(made, [f"{item['payment_id']},PAID,,2022-12-28" for item in items])
    return made, items


async def test_the_same_result_file_twice_changes_nothing(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(3))
    made = await office.approved_list("BLT-2022", "2022")
    lines = [f"{item['payment_id']},PAID,,2022-12-28" for item in await office.payments(made)]
    assert (await office.results(made, lines))["taken"] == 3
    again = await office.results(made, lines)
    assert (again["taken"], again["unchanged"], again["conflicts"]) == (0, 3, [])
    assert len(await office.deployment.announced(AidDisbursed)) == 3
    assert len(await office.deployment.announced(PaymentListSettled)) == 1
    assert await office.reconcile() == []


async def test_results_may_come_in_parts_and_contradictions_are_named(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(2))
    made = await office.approved_list("BLT-2022", "2022")
    first, second = await office.payments(made)
    told = await office.results(made, [f"{first['payment_id']},PAID,,2022-12-28"])
    assert told["state"] == "approved"
    told = await office.results(
        made,
        [
            f"{first['payment_id']},FAILED,account-closed,2022-12-29",
            f"{second['payment_id']},FAILED,account-closed,2022-12-29",
        ],
    )
    assert (told["state"], told["taken"], told["conflicts"]) == ("settled", 1, [first["payment_id"]])
    assert len(await office.deployment.announced(AidFailed)) == 1


async def test_what_contradicts_a_result_that_still_waits_is_named(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle_payments, "CHUNK", 1)
    office = await blt(deployment_of, families(3))
    made = await office.approved_list("BLT-2022", "2022")
    ids = [item["payment_id"] for item in await office.payments(made)]
    told = await office.results(made, [f"{each},PAID,,2022-12-28" for each in ids], run=False)
    assert (told["state"], told["taken"]) == ("approved", 3)
    later = [f"{ids[1]},PAID,,2022-12-28", f"{ids[2]},FAILED,account-closed,2022-12-29"]
    told = await office.results(made, later)
    assert (told["taken"], told["unchanged"], told["conflicts"]) == (0, 1, [ids[2]])
    assert len(await office.deployment.announced(AidDisbursed)) == 3
    assert await office.reconcile() == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{first},PAID", "result-cells-missing"),
        ("not-an-id,PAID,,2022-12-28", "result-payment-id-malformed"),
        ("{first},MAYBE,,2022-12-28", "result-status-unknown"),
        ("{first},FAILED,,2022-12-28", "result-reason-unlisted"),
        ("{first},PAID,,28-12-2022", "result-date-malformed"),
        ("00000000-0000-4000-8000-000000000000,PAID,,2022-12-28", "result-payment-unknown"),
    ],
)
async def test_a_file_with_one_wrong_line_is_taken_by_nobody(
    deployment_of: DeploymentFactory, line: str, code: str
) -> None:
    office = await blt(deployment_of, families(2))
    made = await office.approved_list("BLT-2022", "2022")
    first, second = await office.payments(made)
    wrong = [f"{second['payment_id']},PAID,,2022-12-28", line.format(first=first["payment_id"])]
    answer = await office.results(made, wrong, expect=422)
    assert [each["code"] for each in answer["errors"]] == [code]
    assert "3" in answer["errors"][0]["detail"]
    assert await office.deployment.announced(AidDisbursed) == []


async def test_an_open_question_of_duplicates_blocks_payment_until_decided(deployment_of: DeploymentFactory) -> None:
    known = families(2)
    office = await blt(deployment_of, known)
    question = {"duplicate_id": uuid5(NOWHERE, "d"), "household_id": known[0].id, "region": known[0].region}
    await office.deployment.deliver(DuplicateSuspected(**question, reasons=["same-national-id"], blocks_payment=True))
    [suspended] = await office.deployment.announced(EnrolmentSuspended)
    assert suspended.reason == "duplicate-open"
    made = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    assert (made["families"], made["excluded"]) == (1, 1)
    [left_out] = (await office.get(f"/payment-lists/{made['payment_list_id']}/exclusions"))["items"]
    assert [each["code"] for each in left_out["reasons"]] == ["enrolment-suspended", "duplicate-open"]
    await office.deployment.deliver(DuplicateResolved(**question, resolution="different-people"))
    [resumed] = await office.deployment.announced(EnrolmentResumed)
    assert resumed.reason == "duplicate-resolved"
    made = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    assert (made["families"], made["excluded"]) == (2, 0)


async def test_who_is_blocked_between_list_and_decree_fails_and_the_rest_is_paid(
    deployment_of: DeploymentFactory,
) -> None:
    known = families(2)
    office = await blt(deployment_of, known)
    made = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    path = f"/payment-lists/{made['payment_list_id']}"
    await office.post(f"{path}/submission")
    question = {"duplicate_id": uuid5(NOWHERE, "d"), "household_id": known[0].id, "region": known[0].region}
    await office.deployment.deliver(DuplicateSuspected(**question, reasons=["same-national-id"], blocks_payment=True))
    decree = {"number": "460/113/2022", "dated": "2022-12-20", "list_sha256": made["list_sha256"]}
    alone = await office.post(f"{path}/decision", {"approve": True, "decree": decree}, expect=409)
    assert alone["code"] == "second-person-required"
    without = {"approve": True, "decree": {"number": "460/113/2022", "dated": "2022-12-20"}}
    await office.post(f"{path}/decision", without, by=office.two, expect=422)
    other = {"approve": True, "decree": {**decree, "list_sha256": "ab" * 32}}
    foreign = await office.post(f"{path}/decision", other, by=office.two, expect=409)
    assert foreign["code"] == "decree-of-another-list"
    decided = await office.post(f"{path}/decision", {"approve": True, "decree": decree}, by=office.two)
    assert decided["by_state"] == {"failed": 1, "committed": 1}
    [failed] = await office.deployment.announced(AidFailed)
    assert (failed.household_id, failed.reason) == (known[0].id, "enrolment-suspended")
    assert (await office.line("BLT-2022"))["committed"] == 600_000
    assert await office.reconcile() == []


async def test_a_refused_list_leaves_the_money_as_it_was(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(2))
    made = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    path = f"/payment-lists/{made['payment_list_id']}"
    await office.post(f"{path}/submission")
    twice = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    assert twice["families"] == 0
    decided = await office.post(f"{path}/decision", {"approve": False}, by=office.two)
    assert decided["state"] == "refused"
    assert (await office.line("BLT-2022"))["left"] == 2_700_000_000
    assert (await office.approved_list("BLT-2022", "2022"))["families"] == 2


async def test_two_drafts_of_the_same_cannot_both_be_submitted(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(2))
    wanted = {"programme": "BLT-2022", "period": "2022"}
    first = await office.post("/payment-lists", wanted, expect=201)
    second = await office.post("/payment-lists", wanted, expect=201)
    await office.post(f"/payment-lists/{first['payment_list_id']}/submission")
    refused = await office.post(f"/payment-lists/{second['payment_list_id']}/submission", expect=409)
    assert refused["code"] == "payment-list-outdated"


async def test_a_reversed_payment_returns_its_money_and_may_be_paid_anew(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(1))
    _, [item] = await paid(office)
    asked = await office.post(f"/payments/{item['payment_id']}/reversal", {"reason": "recorded-in-error"}, expect=202)
    alone = await office.post(f"/corrections/{asked['correction_id']}/decision", {"approve": True}, expect=409)
    assert alone["code"] == "second-person-required"
    await office.second(asked)
    [reversed_] = await office.deployment.announced(AidReversed)
    assert (reversed_.rupiah, str(reversed_.corrects)) == (600_000, item["payment_id"])
    assert (await office.line("BLT-2022"))["left"] == 2_700_000_000
    _, [again] = await paid(office)
    assert again["entitlement_id"] != item["entitlement_id"]
    assert (await office.line("BLT-2022"))["realised"] == 600_000
    assert await office.reconcile() == []


async def test_returned_money_goes_to_the_treasury_in_parts(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(1))
    _, [item] = await paid(office)
    path = f"/payments/{item['payment_id']}/return"
    for _ in range(2):
        body = {"reason": "recipient-died", "rupiah": 300_000}
        await office.second(await office.post(path, body, expect=202))
    assert [each.rupiah for each in await office.deployment.announced(AidReturned)] == [300_000, 300_000]
    line = await office.line("BLT-2022")
    assert (line["realised"], line["returned"], line["left"]) == (0, 600_000, 2_699_400_000)
    await office.deployment.hear_own()
    shown = await office.get(f"/households/{item['household_id']}/benefits")
    assert [(each["status"], each["returned_rupiah"]) for each in shown["payments"]] == [("returned", 600_000)]
    assert await office.reconcile() == []


async def test_an_enrolment_that_was_paid_is_voided_after_its_money(deployment_of: DeploymentFactory) -> None:
    office = await blt(deployment_of, families(1))
    _, [item] = await paid(office)
    void = await office.post(f"/enrolments/{item['enrolment_id']}/void", {"reason": "entered-in-error"}, expect=202)
    decision = f"/corrections/{void['correction_id']}/decision"
    refused = await office.post(decision, {"approve": True}, by=office.two, expect=409)
    assert refused["code"] == "enrolment-was-paid"
    reversal = await office.post(f"/payments/{item['payment_id']}/reversal", {"reason": "entered-in-error"}, expect=202)
    await office.second(reversal)
    await office.post(decision, {"approve": True}, by=office.two)
    assert (await office.get(f"/enrolments/{item['enrolment_id']}"))["status"] == "voided"
    assert await office.reconcile() == []


async def test_who_enters_anew_is_not_paid_twice_for_a_period(deployment_of: DeploymentFactory) -> None:
    [family] = known = families(1)
    office = await blt(deployment_of, known)
    _, [item] = await paid(office)
    ended = await office.post(f"/enrolments/{item['enrolment_id']}/end", {"reason": "moved-away"}, expect=202)
    await office.second(ended)
    assert (await office.enrol("BLT-2022", known))["accepted"] == 1
    wanted = {"programme": "BLT-2022", "period": "2022"}
    assert (await office.post("/payment-lists", wanted, expect=201))["families"] == 0
    # Once the first payment was taken back, the enrolment that stands may be paid.
    asked = await office.post(f"/payments/{item['payment_id']}/reversal", {"reason": "recorded-in-error"}, expect=202)
    await office.second(asked)
    _, [again] = await paid(office)
    assert again["household_id"] == str(family.id)
    assert again["enrolment_id"] != item["enrolment_id"]
    assert await office.reconcile() == []


async def test_a_person_who_was_paid_in_another_household_is_not_counted_again(
    deployment_of: DeploymentFactory,
) -> None:
    [family] = known = families(1)
    office = await blt(deployment_of, known)
    _, [item] = await paid(office)
    ended = await office.post(f"/enrolments/{item['enrolment_id']}/end", {"reason": "moved-away"}, expect=202)
    await office.second(ended)
    moved = Moved("new-household", persons=3, comes_from=family)
    await hear_of(office.deployment, [moved])
    await office.enrol("BLT-2022", [moved])
    _, [again] = await paid(office)
    assert (again["persons"], again["rupiah"]) == (2, 600_000)
    assert await office.reconcile() == []


@dataclass(frozen=True)
class Moved(Family):
    """A household that one member of another has joined."""

    comes_from: Family = field(default_factory=lambda: Family("elsewhere"))

    @property
    def members(self) -> list[UUID]:
        return [self.comes_from.members[0], *super().members[1:]]
