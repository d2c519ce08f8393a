"""An announcing and a hearing deployment, what they say, and what can be seen of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from shared.events.intake import HouseholdRegistered, HouseholdUpdated
from shared.messaging import announce
from shared.messaging.reading import end_offsets
from shared.messaging.reconcile import reconcile
from tests.fixtures.deployments import TestDeployment

Pair = tuple[TestDeployment, TestDeployment]


def registered(household: UUID, *, revision: int = 1) -> HouseholdRegistered:
    return HouseholdRegistered(
        household_id=household, region="64.72.05.1002", registers=["dtks"], members=[], persons=0, revision=revision
    )


def updated(household: UUID, revision: int) -> HouseholdUpdated:
    return HouseholdUpdated(
        household_id=household, region="64.72.05.1002", registers=[], members=[], persons=0, revision=revision,
        reason="roster-corrected",
    )  # fmt: skip


@asynccontextmanager
async def running(*deployments: TestDeployment) -> AsyncIterator[None]:
    """The loops of deployments: relays of announcers, everything of hearers."""
    contexts = [each.deployment.kernel.running("relay" if each.deployment.service == "intake" else "all")
                for each in deployments]  # fmt: skip
    for context in contexts:
        await context.__aenter__()
    try:
        yield
    finally:
        for context in contexts:
            await context.__aexit__(None, None, None)


async def announced(intake: TestDeployment, households: int, updates: int = 2) -> list[UUID]:
    ids = [uuid4() for _ in range(households)]
    async with intake.transaction() as session:
        for each in ids:
            announce(session, registered(each))
        for revision in range(2, 2 + updates):
            for each in ids:
                announce(session, updated(each, revision))
    return ids


async def effects(city: TestDeployment) -> int:
    return int((await city.fetch("select count(*) as n from test_effect where what <> 'looked'"))[0].n)


async def unsent(deployment: TestDeployment) -> int:
    return int((await deployment.fetch("select count(*) as n from kernel.outbox"))[0].n)


async def all_well(*deployments: TestDeployment) -> None:
    for each in deployments:
        report = await reconcile(each.deployment)
        assert report.findings == [], report.records


async def has_effects(city: TestDeployment, wanted: int) -> bool:
    return await effects(city) >= wanted


def figure(deployment: TestDeployment, name: str) -> float:
    """What ``/metrics`` shows under a name."""
    return deployment.deployment.registry.get_sample_value(name) or 0.0


async def nothing_unsent(deployment: TestDeployment) -> bool:
    return await unsent(deployment) == 0


async def records_on(deployment: TestDeployment, topic: str) -> int:
    ends = await end_offsets(deployment.deployment.settings)
    return sum(end for (name, _), end in ends.items() if name == topic)
