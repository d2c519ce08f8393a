"""Two who hear of one household at the same time: a worker, and somebody who has handled what had been parked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.notifications.handlers import facts
from services.notifications.remember import lock_entries
from shared.events.intake import HouseholdUpdated
from shared.messaging.records import Received
from tests.fixtures import eventually
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import NewNotifications, Story

OTHER = "64.72.05.1002"
WAITS = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
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


async def test_who_places_an_entry_and_who_moves_its_household_never_wait_for_each_other_in_a_circle(
    notifications: TestDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    story.registered("a")
    story.listed("a")
    story.listed("a", revision=2)
    story.enrolled("a")
    registered, listed, again, enrolled = heard(notifications, story)
    hearing = notifications.deployment.kernel.hearing
    await hearing.hear([registered, listed])
    entry_is_locked = asyncio.Event()

    async def lock_slowly(*arguments: Any) -> None:
        await lock_entries(*arguments)
        entry_is_locked.set()
        await eventually(lambda: waits(notifications))

    async def hear(record: Received) -> None:
        async with notifications.deployment.sessions() as session:
            await hearing.dispatch(session, [record], react=False)
            await session.commit()

    monkeypatch.setattr(facts, "lock_entries", lock_slowly)
    placing = asyncio.create_task(hear(again))
    await entry_is_locked.wait()
    await hear(enrolled)
    await placing


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
