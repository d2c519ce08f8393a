"""The operator's screens: what is parked is listed, shown, re-driven and dismissed; timers are tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter
from sqlalchemy import text

from shared.events.intake import HouseholdRegistered, HouseholdUpdated
from shared.security import Role
from shared.web.parked_pages import mended_by
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, TABLES

REACTING = "insert into kernel.statement (name, value) values ('react-from', 'true')"


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> TestDeployment:
    deployment = await deployment_of(replace(SERVICE, routes=(APIRouter(),)))
    await run(deployment, *TABLES, REACTING)
    return deployment


async def run(city: TestDeployment, *statements: str) -> None:
    async with city.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def park_two(city: TestDeployment, household: UUID, **first: Any) -> list[dict[str, Any]]:
    """A record that breaks and one behind it, as the screens list them."""
    said = {"region": "64.72.05.1002", "members": [], "persons": 0}
    broken = HouseholdRegistered(household_id=household, registers=["breaks"], revision=1, **said)
    behind = HouseholdUpdated(household_id=household, registers=[], revision=2, reason="roster-corrected", **said)
    await city.hear(replace(city.record(broken), **first), city.record(behind))
    listed = (await city.client(Role.OPERATOR).get("/api/v1/parked")).json()
    assert listed["waiting"] == len(listed["items"]) == 2
    found: list[dict[str, Any]] = listed["items"]
    return found


async def audited(city: TestDeployment) -> list[str]:
    return [row.action for row in await city.fetch("select action from kernel.audit order by id")]


async def test_a_parked_record_is_listed_shown_and_re_driven(city: TestDeployment) -> None:
    household = uuid4()
    head, behind = await park_two(city, household)
    assert (head["reason"], behind["reason"]) == ("handler-failed", "behind")
    operator, address = city.client(Role.OPERATOR), f"/api/v1/parked/{head['record_id']}"
    shown = (await operator.get(address)).json()
    assert (shown["key"], shown["state"], shown["detail"]["error"]) == (str(household), "waiting", "RuntimeError")
    assert "6472010101010001" not in str(shown)

    failed = await operator.post(f"{address}/redrive", json={})
    assert failed.json() == {"handled": 0, "left": 2, "stopped_by": "handler-failed"}
    await run(city, "create table test_mended ()")
    done = await operator.post(f"{address}/redrive", json={})
    assert (done.status_code, done.json()) == (200, {"handled": 2, "left": 0, "stopped_by": None})
    assert (await operator.get("/api/v1/parked")).json()["items"] == []
    rows = await city.fetch("select state, settled_by from kernel.parked")
    assert {tuple(row) for row in rows} == {("redriven", "dinsos-samarinda/petugas-1")}
    assert await audited(city) == ["redrive_parked", "redrive_parked"]
    again = await operator.post(f"{address}/redrive", json={})
    assert (again.status_code, again.json()["code"]) == (409, "parked-settled")


async def test_a_record_is_dismissed_by_name_with_a_reason_and_confirmed(city: TestDeployment) -> None:
    head, behind = await park_two(city, uuid4(), value=b"{broken")
    operator = city.client(Role.OPERATOR, subject="pengelola-2")
    body = {"reason": "diumumkan ulang oleh pengirim", "confirmed": True}
    for wrong in ({**body, "reason": " "}, {**body, "confirmed": False}, {**body, "reason": "NIK 6472054101900001"}):
        answer = await operator.post(f"/api/v1/parked/{head['record_id']}/dismissal", json=wrong)
        assert answer.status_code == 422, wrong
    last = await operator.post(f"/api/v1/parked/{behind['record_id']}/dismissal", json=body)
    assert (last.status_code, last.json()["code"]) == (409, "parked-not-first")
    done = await operator.post(f"/api/v1/parked/{head['record_id']}/dismissal", json=body)
    assert done.json() == {"handled": 1, "left": 0, "stopped_by": None}
    (row,) = await city.fetch("select settled_by, settled_reason from kernel.parked where state = 'dismissed'")
    assert tuple(row) == ("dinsos-samarinda/pengelola-2", body["reason"])
    assert await audited(city) == ["dismiss_parked"]


async def test_a_timer_that_was_given_up_is_tried_again(city: TestDeployment) -> None:
    key = str(uuid4())
    await run(
        city,
        "insert into kernel.due (id, kind, key, at, correlation_id, attempts, failed_at, failure) values "
        f"('{uuid4()}', 'look-again', '{key}', '2022-12-01', '{uuid4()}', 9, now(), 'KeyError at city.py:7')",
    )
    operator = city.client(Role.OPERATOR)
    (timer,) = (await operator.get("/api/v1/parked")).json()["timers"]
    assert (timer["kind"], timer["key"], timer["attempts"]) == ("look-again", key, 9)
    assert await city.run_due() == 0
    asked = {"kind": "look-again", "key": key}
    assert (await operator.post("/api/v1/timers/retry", json=asked)).status_code == 200
    assert await city.run_due() == 1
    gone = await operator.post("/api/v1/timers/retry", json=asked)
    assert (gone.status_code, gone.json()["code"]) == (404, "timer-not-given-up")


async def test_only_operators_of_the_own_agency_and_the_whole_region_see_what_waits(city: TestDeployment) -> None:
    await park_two(city, uuid4())
    for client, code in (
        (city.client(Role.AUDITOR), "role-missing"),
        (city.client(Role.OPERATOR, agency="dinkop-samarinda"), "other-agency"),
        (city.client(Role.OPERATOR, regions=("64.72.05",)), "region-not-yours"),
    ):
        answer = await client.get("/api/v1/parked")
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_nothing_is_re_driven_before_it_is_stated_from_where_one_reacts(city: TestDeployment) -> None:
    head, _ = await park_two(city, uuid4())
    await run(city, "delete from kernel.statement")
    answer = await city.client(Role.OPERATOR).post(f"/api/v1/parked/{head['record_id']}/redrive", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "parked-not-reacting")


@pytest.mark.parametrize("locale", ["id", "en"])
async def test_the_screens_say_why_and_offer_what_can_be_done(city: TestDeployment, locale: str) -> None:
    head, _ = await park_two(city, uuid4())
    operator = city.client(Role.OPERATOR)
    operator.headers["Accept-Language"] = locale
    listed = await operator.get("/parked")
    assert listed.status_code == 200
    assert f"/parked/{head['record_id']}" in listed.text
    shown = await operator.get(f"/parked/{head['record_id']}")
    assert "handler-failed" in shown.text
    assert {"id": "Lepaskan", "en": "Dismiss"}[locale] in shown.text


async def test_the_forms_do_as_the_api_does(city: TestDeployment) -> None:
    head, _ = await park_two(city, uuid4())
    operator, address = city.client(Role.OPERATOR), f"/parked/{head['record_id']}"
    unconfirmed = await operator.post(f"{address}/dismissal", data={"reason": "dikirim ulang"})
    assert unconfirmed.status_code == 422
    assert (await operator.post(f"{address}/redrive", data={})).status_code == 303
    done = await operator.post(f"{address}/dismissal", data={"reason": "dikirim ulang", "confirmed": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, address)
    assert {row.state for row in await city.fetch("select state from kernel.parked")} == {"dismissed", "redriven"}


def test_who_mends_it_is_told_for_every_reason() -> None:
    assert mended_by("gap") == "parked.mended-by.gap"
    assert mended_by("value-not-json") == "parked.mended-by.announcer"
