"""Families leave while lists are under way: money moves once, no list gets stuck, and every rupiah has its claim."""

from __future__ import annotations

import asyncio
from datetime import date
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from services.programs.app import SERVICE
from services.programs.commands import (
    fund_lines_equal_their_journal,
    money_equals_its_claims,
    nothing_has_two_effects,
    quotas_equal_their_places,
)
from services.programs.programme_files import shipped
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.programs.city import ALL_ROLES, Family, Office, families, hear_of

CHECKS = (
    fund_lines_equal_their_journal,
    money_equals_its_claims,
    nothing_has_two_effects,
    quotas_equal_their_places,
)
AGENCIES = {
    "BLT-2022": ("dinsos-samarinda", "blt-samarinda-2022", "2022"),
    "RTLH-2023": ("pupr-samarinda", "bedah-rumah-samarinda-2023", "2023"),
}
EACH = pytest.mark.parametrize("programme", list(AGENCIES))


async def submitted(
    deployment_of: DeploymentFactory, programme: str
) -> tuple[Office, dict[str, Any], list[dict[str, Any]]]:
    """Two families on a list that waits for its second person."""
    agency, file, period = AGENCIES[programme]
    office = await Office.open(deployment_of, agency, file)
    await hear_of(office.deployment, families(2), twice=False)
    await office.enrol(programme)
    made = await office.post("/payment-lists", {"programme": programme, "period": period}, expect=201)
    await office.post(f"/payment-lists/{made['payment_list_id']}/submission")
    return office, made, await office.payments(made)


@EACH
@pytest.mark.parametrize("approve", [True, False])
async def test_nobody_leaves_before_the_list_that_holds_the_money_has_its_end(
    deployment_of: DeploymentFactory, programme: str, approve: bool
) -> None:
    office, made, [first, second] = await submitted(deployment_of, programme)
    asked = await office.post(f"/enrolments/{first['enrolment_id']}/end", {"reason": "moved-away"}, expect=202)
    decision = (f"/corrections/{asked['correction_id']}/decision", {"approve": True})
    assert (await office.post(*decision, by=office.two, expect=409))["code"] == "payment-under-way"
    await office.decide_list(made, approve=approve)
    if approve:
        # The payer has the money now, so the payer's answer moves it.
        assert (await office.post(*decision, by=office.two, expect=409))["code"] == "payment-under-way"
        lines = [f"{each['payment_id']},FAILED,account-closed,2022-12-28" for each in (first, second)]
        await office.results(made, lines)
    await office.post(*decision, by=office.two)
    line = await office.line(programme)
    assert (line["committed"], line["reserved"]) == (0, second["rupiah"] if programme == "RTLH-2023" else 0)
    assert await office.reconcile() == []


@EACH
async def test_what_the_payer_turns_back_is_not_set_aside_for_who_has_left(
    deployment_of: DeploymentFactory, programme: str
) -> None:
    office, made, [first, second] = await submitted(deployment_of, programme)
    await office.decide_list(made, approve=True)
    async with office.deployment.transaction() as session:
        await session.execute(
            text("update enrolment set status = 'ended', ended_on = :on where enrolment_id = :left"),
            {"on": date(2022, 12, 27), "left": first["enrolment_id"]},
        )
    lines = [f"{each['payment_id']},FAILED,account-closed,2022-12-28" for each in (first, second)]
    await office.results(made, lines)
    states = dict(await office.deployment.fetch("select enrolment_id::text, state from entitlement"))
    stays = "reserved" if programme == "RTLH-2023" else "open"
    assert states == {first["enrolment_id"]: "void", second["enrolment_id"]: stays}
    line = await office.line(programme)
    assert (line["committed"], line["reserved"]) == (0, second["rupiah"] if stays == "reserved" else 0)


class ListsAndEndings(RuleBasedStateMachine):
    """Three families of a programme; people make, submit, decide and settle lists while families come and go."""

    deployment: ClassVar[TestDeployment]
    runner: ClassVar[asyncio.Runner]
    numbers: ClassVar[count[int]]

    @initialize(reserve=st.sampled_from(["payment-list", "enrolment"]))
    def open(self, reserve: str) -> None:
        number = next(self.numbers)
        self.code = f"BLT-{number}"
        self.lists: list[dict[str, Any]] = []
        self.corrections: list[dict[str, Any]] = []
        self.family = [Family(f"{number}-{each}", persons=3) for each in range(3)]
        self.runner.run(self._open(reserve))
        self.make_list(submitted=True)

    @rule(who=st.integers(0, 2))
    def enrol(self, who: int) -> None:
        self.runner.run(self.office.enrol(self.code, [self.family[who]]))

    @rule(who=st.integers(0, 2), confirmed=st.integers(1, 3), visit=st.integers(2, 9))
    def verify_again(self, who: int, confirmed: int, visit: int) -> None:
        """A later visit confirms fewer or more; a list then pays for these."""
        family = self.family[who]
        again = Family(family.name, persons=3, confirmed=confirmed).verified(round=visit)
        self.runner.run(self.deployment.deliver(again, agency="dinsos-samarinda", twice=False))

    @rule(submitted=st.booleans())
    def make_list(self, submitted: bool) -> None:
        wanted = {"programme": self.code, "period": "2022"}
        self.lists.append(self._post("/payment-lists", wanted)[1])
        if submitted:
            self.submit(len(self.lists) - 1)

    @rule(at=st.integers(0, 5))
    def submit(self, at: int) -> None:
        if self.lists:
            self._post(f"/payment-lists/{self._list(at)}/submission", {})

    @rule(at=st.integers(0, 5), approve=st.booleans())
    def decide(self, at: int, approve: bool) -> None:
        if self.lists:
            made = self.lists[at % len(self.lists)]
            self._post(f"/payment-lists/{made['payment_list_id']}/decision", self._decision(made, approve), two=True)

    @rule(at=st.integers(0, 5), paid=st.lists(st.booleans(), min_size=3, max_size=3))
    def settle(self, at: int, paid: list[bool]) -> None:
        if self.lists:
            self.runner.run(self._settle(self.lists[at % len(self.lists)], paid))

    @rule(who=st.integers(0, 2), how=st.sampled_from([("end", "moved-away"), ("void", "entered-in-error")]))
    def leave(self, who: int, how: tuple[str, str]) -> None:
        household = str(self.family[who].id)
        held = self.runner.run(self.office.get("/enrolments", household_id=household))["items"]
        for each in held:
            if each["status"] in ("active", "suspended"):
                self._correct(f"/enrolments/{each['enrolment_id']}/{how[0]}", {"reason": how[1]})

    @rule(at=st.integers(0, 5), item=st.integers(0, 2), back=st.sampled_from(["reversal", "return"]))
    def take_money_back(self, at: int, item: int, back: str) -> None:
        if not self.lists:
            return
        items = self.runner.run(self.office.payments(self.lists[at % len(self.lists)]))
        if items:
            reason = "recorded-in-error" if back == "reversal" else "recipient-died"
            self._correct(f"/payments/{items[item % len(items)]['payment_id']}/{back}", {"reason": reason})

    @invariant()
    def every_rupiah_and_place_has_its_claim(self) -> None:
        if hasattr(self, "code"):
            assert self.runner.run(self._findings()) == []

    def teardown(self) -> None:
        """No list is stuck: each can be decided and settled, and then every family can leave and leaves nothing."""
        if not hasattr(self, "code"):
            return
        for made in self.lists:
            path = f"/payment-lists/{made['payment_list_id']}"
            state = self.runner.run(self.office.get(path))["state"]
            if state == "submitted":
                assert self._post(f"{path}/decision", self._decision(made, True), two=True)[0] == 200
            self.runner.run(self._settle(made, [False] * 3))
        for who in range(3):
            self.leave(who, ("end", "moved-away"))
        line = self.runner.run(self.office.line(self.code))
        assert (line["reserved"], line["committed"]) == (0, 0)
        assert self.runner.run(self._findings()) == []

    async def _open(self, reserve: str) -> None:
        one = self.deployment.client(*ALL_ROLES, subject="petugas-1")
        self.office = Office(self.deployment, one, self.deployment.client(*ALL_ROLES, subject="petugas-2"))
        document = shipped()["blt-samarinda-2022"].replace("APBD-2022/64.72/BLT", f"APBD/{self.code}")
        document = document.replace("BLT-2022", self.code).replace("reserve: payment-list", f"reserve: {reserve}")
        await self.office.post("/programmes", {"document": document}, expect=201)
        await hear_of(self.deployment, self.family, twice=False)
        await self.office.enrol(self.code, self.family)

    async def _findings(self) -> list[Any]:
        async with self.deployment.session() as session:
            return [finding for check in CHECKS for finding in await check(session)]

    async def _settle(self, made: dict[str, Any], paid: list[bool]) -> None:
        items = await self.office.payments(made, state="committed")
        said = ["PAID,," if yes else "FAILED,account-closed," for yes in paid]
        lines = [f"{item['payment_id']},{word}2022-12-28" for item, word in zip(items, said, strict=False)]
        if lines:
            await self.office.results(made, lines)

    def _list(self, at: int) -> str:
        found: str = self.lists[at % len(self.lists)]["payment_list_id"]
        return found

    def _decision(self, made: dict[str, Any], approve: bool) -> dict[str, Any]:
        decree = {"number": "460/113/2022", "dated": "2022-12-20", "list_sha256": made["list_sha256"]}
        return {"approve": True, "decree": decree} if approve else {"approve": False}

    def _correct(self, path: str, body: dict[str, Any]) -> None:
        """Ask and decide; what may not be is turned down, so that it does not stay open."""
        status, asked = self._post(path, body)
        if status == 202:
            decision = f"/corrections/{asked['correction_id']}/decision"
            if self._post(decision, {"approve": True}, two=True)[0] != 200:
                assert self._post(decision, {"approve": False}, two=True)[0] == 200

    def _post(self, path: str, body: dict[str, Any], *, two: bool = False) -> tuple[int, dict[str, Any]]:
        """Whatever people try is done or refused; nothing breaks."""
        client = self.office.two if two else self.office.one
        answer = self.runner.run(client.post(f"/api/v1{path}", json=body))
        assert answer.status_code < 500, answer.text
        told: dict[str, Any] = answer.json()
        return answer.status_code, told


async def test_no_order_of_lists_and_endings_loses_or_doubles_money(deployment_of: DeploymentFactory) -> None:
    deployment = await deployment_of(SERVICE)

    def play() -> None:
        with asyncio.Runner() as runner:
            ListsAndEndings.deployment, ListsAndEndings.runner, ListsAndEndings.numbers = deployment, runner, count(1)
            run_state_machine_as_test(
                ListsAndEndings,
                settings=settings(
                    max_examples=20,
                    stateful_step_count=15,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
            runner.run(deployment.close())

    await asyncio.to_thread(play)
