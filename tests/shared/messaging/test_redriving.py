"""Re-driving what a handler wrote by the driver alone: a record that fails again leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.driver import driver_in_transaction
from shared.events.intake import HouseholdRegistered, HouseholdUpdated
from shared.messaging import EventRouter, Fact, Session, TimerRouter, insert_rows
from shared.messaging.redrive import redrive
from shared.service import Service
from shared.settings import DeploymentSettings
from tests.fixtures.deployments import DeploymentFactory
from tests.shared.messaging.city import TABLES, effects, metadata, registered


async def fail_by_itself(session: Session) -> None:  # noqa: ARG001
    raise RuntimeError


async def fail_by_a_statement(session: Session) -> None:
    await (await driver_in_transaction(session)).execute("select 1 / 0")


async def fail_no_more(session: Session) -> None:
    """What was wrong was mended."""


@pytest.mark.parametrize("fail", [fail_by_itself, fail_by_a_statement])
async def test_what_fails_again_leaves_nothing_and_what_does_not_is_handled_once(
    deployment_of: DeploymentFactory, fail: object
) -> None:
    ways = [fail]
    events = EventRouter(service="verification")

    @events.on(HouseholdRegistered)
    async def write_and_fail(event: HouseholdRegistered, session: Session, fact: Fact) -> None:  # noqa: ARG001
        await insert_rows(session, effects, [{"event_id": fact.id, "what": "written"}])
        await ways[0](session)  # type: ignore[operator]

    city = await deployment_of(
        Service("verification", DeploymentSettings, metadata, events, TimerRouter(service="verification"), routes=())
    )
    async with city.transaction() as session:
        for statement in (*TABLES, "insert into kernel.statement (name, value) values ('react-from', 'true')"):
            await session.execute(text(statement))
    await city.hear(city.record(registered()))
    [head] = await city.parked()
    again = await redrive(city.deployment.kernel.hearing, head, by="operator")
    assert (again.handled, again.stopped_by) == (0, "handler-failed")
    assert await city.fetch("select * from test_effect") == []
    ways[0] = fail_no_more
    assert (await redrive(city.deployment.kernel.hearing, head, by="operator")).handled == 1
    assert [row.what for row in await city.fetch("select what from test_effect")] == ["written"]


async def test_a_gap_before_what_still_fails_is_not_accepted(deployment_of: DeploymentFactory) -> None:
    events = EventRouter(service="verification")

    @events.on(HouseholdUpdated)
    async def write(event: HouseholdUpdated, session: Session) -> None:
        await insert_rows(session, effects, [{"event_id": event.household_id, "what": event.reason}])

    city = await deployment_of(
        Service("verification", DeploymentSettings, metadata, events, TimerRouter(service="verification"), routes=())
    )
    async with city.transaction() as session:
        for statement in (*TABLES, "insert into kernel.statement (name, value) values ('react-from', 'true')"):
            await session.execute(text(statement))
    first, late, broken = (city.record(event) for event in life(uuid4()))
    await city.hear(first, replace(broken, value=b"{broken"))
    [head] = await city.parked()
    hearing = city.deployment.kernel.hearing
    assert (await redrive(hearing, head, by="operator", accept_gap=True)).stopped_by == "value-not-json"
    await city.hear(late)
    again = await redrive(hearing, (await city.parked())[0], by="operator")
    assert (again.handled, again.left) == (1, 1)
    assert [row.what for row in await city.fetch("select what from test_effect")] == ["late"]


def life(household: UUID) -> list[HouseholdRegistered | HouseholdUpdated]:
    state = {"region": "64.72.05.1002", "registers": ["dtks"], "members": [], "persons": 0}
    return [
        HouseholdRegistered(household_id=household, **state, revision=1),
        HouseholdUpdated(household_id=household, **state, reason="late", revision=2),
        HouseholdUpdated(household_id=household, **state, reason="broken", revision=3),
    ]
