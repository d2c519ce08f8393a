"""Locks are taken in one order by everyone: places before money, and no answer waits for its own timer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

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


async def test_an_answer_does_not_wait_for_the_timer_of_its_offer(deployment_of: DeploymentFactory) -> None:
    office = await uep(deployment_of, places=1)
    await hear_of(office.deployment, families(2), twice=False)
    [offer] = await freeze_and_offer(office)
    async with office.deployment.session() as timer:
        await timer.execute(text("select 1 from kernel.due for update"))
        async with asyncio.timeout(LOCKED_S):
            accepted = await accept(office, offer)
    assert accepted["state"] == "accepted"
