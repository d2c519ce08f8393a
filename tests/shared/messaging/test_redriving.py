"""Re-driving what a handler wrote by the driver alone: a record that fails again leaves nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from shared.driver import driver_in_transaction
from shared.events.intake import HouseholdRegistered
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
