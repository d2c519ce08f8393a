"""Whoever swallows what PostgreSQL refused has kept nothing: no commit may say otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.driver import driver_in_transaction
from shared.events.intake import HouseholdUpdated
from shared.messaging import Due, Session
from shared.messaging.kernel import Kernel
from tests.fixtures.deployments import TestDeployment
from tests.shared.messaging import city as service
from tests.shared.messaging.city import registered, updated

REFUSED = "select 1 / 0"
Swallows = Callable[[Session], Awaitable[None]]


async def by_sqlalchemy(session: Session) -> None:
    with suppress(DBAPIError):
        await session.execute(text(REFUSED))


async def by_the_driver(session: Session) -> None:
    with suppress(asyncpg.PostgresError):
        await (await driver_in_transaction(session)).execute(REFUSED)


SWALLOWS = pytest.mark.parametrize("swallow", [by_sqlalchemy, by_the_driver])


@SWALLOWS
async def test_a_record_whose_handler_swallows_a_refusal_is_parked_and_the_others_are_heard(
    city: TestDeployment, monkeypatch: pytest.MonkeyPatch, swallow: Swallows
) -> None:
    async def swallows(event: HouseholdUpdated, session: Session) -> None:  # noqa: ARG001 - the handler's signature
        await swallow(session)

    projections: Any = service.events.projections
    reactions: Any = service.events.reactions
    [hearer] = projections[HouseholdUpdated]
    monkeypatch.setitem(projections, HouseholdUpdated, [replace(hearer, function=swallows)])
    monkeypatch.setitem(reactions, HouseholdUpdated, [])
    good, bad = registered(), registered()
    await city.deliver(good, bad)
    await city.hear(city.record(updated(bad.household_id, 2)), city.record(registered()))

    [parked] = await city.parked()
    assert (parked.reason, parked.key) == ("handler-failed", str(bad.household_id))
    assert parked.detail["error"] == "DBAPIError"
    assert await city.fetch("select count(*) from kernel.heard") == [(3,)]


@SWALLOWS
async def test_the_edge_does_not_say_that_something_is_kept_which_is_not(
    city: TestDeployment, swallow: Swallows
) -> None:
    kernel: Kernel = city.deployment.kernel
    async with city.session() as session:
        await session.execute(text("insert into test_effect (what) values ('kept')"))
        await swallow(session)
        with pytest.raises(DBAPIError, match="nothing was kept"):
            await kernel.commit(session)
    assert await city.fetch("select 1 from test_effect") == []


async def test_a_timer_that_swallows_a_refusal_is_tried_again_later(
    city: TestDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def swallows(due: Due, session: Session) -> None:  # noqa: ARG001 - the timer's signature
        await by_sqlalchemy(session)

    await city.deliver(registered())
    monkeypatch.setitem(service.timers.kinds, "look-again", swallows)
    await city.run_due(limit=1)
    assert await city.fetch("select kind, attempts from kernel.due") == [("look-again", 1)]
