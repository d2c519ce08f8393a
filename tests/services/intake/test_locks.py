"""Whoever changes the register takes its lock before any row, so that an import and an officer never deadlock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from sqlalchemy import text

from services.intake.register_lock import lock_register
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.fixtures.waiting import eventually
from tests.services.intake.city import household, intake, member, nik

Change = Callable[[httpx2.AsyncClient, str, str], Awaitable[httpx2.Response]]


async def join(officer: httpx2.AsyncClient, household_id: str, _: str) -> httpx2.Response:
    body = {"revision": 1, "reason": "member-joined", "joining": [member(5, "Anggota Baru", relation="child")]}
    return await officer.post(f"/api/v1/households/{household_id}/corrections", json=body)


async def move_here(officer: httpx2.AsyncClient, _: str, duplicate_id: str) -> httpx2.Response:
    return await officer.post(f"/api/v1/duplicates/{duplicate_id}/resolution", json={"resolution": "moved-here"})


async def waits_for_the_register(city: TestDeployment) -> bool:
    query = "select 1 from pg_locks join pg_database on oid = database and datname = current_database()"
    return bool(await city.fetch(f"{query} where locktype = 'advisory' and not granted"))


@pytest.mark.parametrize("change", [join, move_here])
async def test_a_change_waits_for_an_import_without_holding_a_row(
    deployment_of: DeploymentFactory, change: Change
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    first = (await officer.post("/api/v1/households", json=household(1))).json()
    second = household(2, member(2), {**member(3), "nik": nik(1), "relation": "child"})
    held = (await officer.post("/api/v1/households", json=second)).json()["held"]
    async with city.transaction() as part:
        await lock_register(part)
        changing = asyncio.ensure_future(change(officer, first["household_id"], held[0]["duplicate_id"]))
        await eventually(lambda: waits_for_the_register(city))
        # What a part of a file does with families that are known: it waits for nobody.
        await part.execute(text("set local lock_timeout = '300ms'"))
        await part.execute(text("select 1 from household for update"))
        await part.execute(text("select 1 from held_row for update"))
    answer = await changing
    assert answer.status_code == 201, answer.text
