"""Two who hear of one household at the same time: a worker, and somebody who has handled what had been parked."""

from __future__ import annotations

import asyncio
from typing import Any

from shared.events.intake import HouseholdUpdated
from shared.messaging.records import Received
from tests.fixtures import eventually
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import NewNotifications, Story

OTHER = "64.72.05.1002"
WAITS = """
    select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and not granted and datname = current_database()
"""
SPANS = "select * from stage_span order by household_id, stage, since"


async def test_they_work_it_out_one_after_the_other(new_notifications: NewNotifications) -> None:
    story = a_family_that_moves_and_is_enrolled()
    together, alone = await new_notifications(), await new_notifications()
    registered, moved, enrolled = heard(together, story)
    await together.deployment.kernel.hearing.hear([registered])
    dispatch = together.deployment.kernel.hearing.dispatch
    async with together.deployment.sessions() as one, together.deployment.sessions() as other:
        await dispatch(one, [moved], react=False)
        waiting = asyncio.create_task(dispatch(other, [enrolled], react=False))
        await eventually(lambda: waits(together))
        await one.commit()
        await waiting
        await other.commit()
    await alone.deployment.kernel.hearing.hear(heard(alone, story))
    assert await spans(together) == await spans(alone)


def a_family_that_moves_and_is_enrolled() -> Story:
    story = Story()
    story.registered("a")
    members = [story.member("a")]
    story.about(HouseholdUpdated, region=OTHER, members=members, persons=1, reason="moved", revision=2)
    story.enrolled("a")
    return story


def heard(city: TestDeployment, story: Story) -> list[Received]:
    records = [city.record(fact.event, agency=fact.agency, at=fact.at) for fact in story.facts]
    return city.deployment.kernel.hearing.read(records)


async def waits(city: TestDeployment) -> bool:
    return bool(await city.fetch(WAITS))


async def spans(city: TestDeployment) -> list[dict[str, Any]]:
    found = [dict(row._mapping) for row in await city.fetch(SPANS)]
    assert found
    return found
