"""Locks are taken in one order by everyone: places before money, and no answer waits for its own timer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from services.programs import settle_payments
from tests.fixtures.deployments import DeploymentFactory
from tests.fixtures.waiting import eventually
from tests.services.programs.city import Office, families, hear_of
from tests.services.programs.test_uep import accept, freeze_and_offer, uep

LOCKED_S = 20.0
WAITS = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def enrolled(deployment_of: DeploymentFactory) -> tuple[Office, dict[str, Any]]:
    office = await uep(deployment_of, places=1)
    await hear_of(office.deployment, families(2), twice=False)
    [offer] = await freeze_and_offer(office)
    return office, await accept(office, offer)


async def someone_waits(office: Office) -> bool:
    [row] = await office.deployment.fetch(WAITS)
    return bool(row[0])


@pytest.mark.parametrize(("how", "reason"), [("void", "entered-in-error"), ("end", "moved-away")])
async def test_who_leaves_waits_for_the_place_before_any_money_is_locked(
    deployment_of: DeploymentFactory, how: str, reason: str
) -> None:
    office, place = await enrolled(deployment_of)
    asked = await office.post(f"/enrolments/{place['enrolment_id']}/{how}", {"reason": reason}, expect=202)
    async with office.deployment.session() as other:
        await other.execute(text("select 1 from quota for update"))
        leaving = asyncio.create_task(office.second(asked))
        await eventually(lambda: someone_waits(office), within=LOCKED_S)
        await other.execute(text("select 1 from fund_line for update nowait"))
        await other.execute(text("select 1 from entitlement for update nowait"))
    await leaving
    assert await office.reconcile() == []


async def test_results_wait_for_the_enrolments_before_any_money_is_locked(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    known = families(4)
    await hear_of(office.deployment, known, twice=False)
    await office.enrol("BLT-2022", known)
    made = await office.approved_list("BLT-2022", "2022")
    paid, refused = "PAID,,2022-12-28", "FAILED,account-closed,2022-12-28"
    said = zip(await office.payments(made), (paid, paid, refused, paid), strict=True)
    monkeypatch.setattr(settle_payments, "CHUNK", 2)
    await office.results(made, [f"{item['payment_id']},{result}" for item, result in said], run=False)
    async with office.deployment.session() as other:
        await other.execute(text("select 1 from enrolment for update"))
        settling = asyncio.create_task(office.deployment.run_due())
        await eventually(lambda: someone_waits(office), within=LOCKED_S)
        for table in ("payment", "entitlement", "fund_line"):
            await other.execute(text(f"select 1 from {table} for update nowait"))
    await settling
    settled = await office.get(f"/payment-lists/{made['payment_list_id']}")
    assert (settled["state"], settled["by_state"]) == ("settled", {"paid": 3, "failed": 1})
    assert await office.reconcile() == []


async def test_an_answer_does_not_wait_for_the_timer_of_its_offer(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    await hear_of(office.deployment, families(2), twice=False)
    [offer] = await freeze_and_offer(office)
    async with office.deployment.session() as timer:
        await timer.execute(text("select 1 from kernel.due for update"))
        async with asyncio.timeout(LOCKED_S):
            accepted = await accept(office, offer)
    assert accepted["state"] == "accepted"
