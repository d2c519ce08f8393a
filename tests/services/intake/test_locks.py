"""Whoever changes the register takes its lock before any row, so that an import and an officer never deadlock.

Who registers takes a share of it: only those with the same number wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.intake.register_lock import lock_register, share_register
from shared.events.intake import HouseholdRegistered
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.fixtures.waiting import eventually
from tests.services.intake.city import household, intake, kk, member, nik

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


async def test_a_registration_waits_for_an_import_and_an_import_for_a_registration(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    async with city.transaction() as part:
        await lock_register(part)
        registering = asyncio.ensure_future(officer.post("/api/v1/households", json=household(1)))
        await eventually(lambda: waits_for_the_register(city))
        assert not registering.done()
    assert (await registering).status_code == 201
    async with city.transaction() as form, city.session() as part:
        await share_register(form, [b"a number of its own"])
        await part.execute(text("set local lock_timeout = '300ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await lock_register(part)


async def test_registrations_wait_only_for_those_with_the_same_number(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    vault = city.deployment.vault
    async with city.transaction() as form:
        await share_register(form, [vault.blind_index("nik", nik(1)), vault.blind_index("kk", kk(9))])
        assert (await officer.post("/api/v1/households", json=household(2, member(2)))).status_code == 201
        same_person = asyncio.ensure_future(officer.post("/api/v1/households", json=household(3, member(1))))
        await eventually(lambda: waits_for_the_register(city))
        assert not same_person.done()
    assert (await same_person).status_code == 201


async def test_one_number_sent_by_many_at_once_has_one_holder_and_one_card_one_household(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    same_card = [household(1, member(n)) for n in range(10, 16)]
    same_person = [household(n, member(n), {**member(1), "relation": "child"}) for n in range(20, 26)]
    answers = await asyncio.gather(
        *(officer.post("/api/v1/households", json=body) for body in (*same_card, *same_person))
    )
    assert sorted(answer.status_code for answer in answers[:6]) == [201, 409, 409, 409, 409, 409]
    assert [answer.status_code for answer in answers[6:]] == [201] * 6
    assert sorted(len(answer.json()["held"]) for answer in answers[6:]) == [0, 1, 1, 1, 1, 1]
    assert len(await city.announced(HouseholdRegistered)) == 7
    ((holders,),) = await city.fetch(
        "select count(*) from member where state = 'active' and nik_index = any(select nik_index from held_row)"
    )
    assert holders == 1


async def test_a_family_that_is_refused_takes_no_number_from_those_beside_it(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    assert (await officer.post("/api/v1/households", json=household(1, member(1)))).status_code == 201
    refused = household(1, member(2))  # its card stands already
    entering = household(3, member(2))
    answers = await asyncio.gather(*(officer.post("/api/v1/households", json=body) for body in (refused, entering)))
    assert [answer.status_code for answer in answers] == [409, 201]
    assert answers[1].json()["held"] == []
