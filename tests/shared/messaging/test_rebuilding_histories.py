"""Whatever came late, twice, damaged or never, and whatever people did about it: a rebuild folds what was lived."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Column, Identity, MetaData, Table, Uuid, insert, text

from local.stack import StackAddresses
from shared.events.intake import HouseholdUpdated
from shared.messaging import EventRouter, Fact, Session, TimerRouter
from shared.messaging.parking import Parked, StoredRecord
from shared.messaging.reading import read_topics
from shared.messaging.rebuild import rebuild
from shared.messaging.redrive import NotTheFirst, dismiss, redrive
from shared.service import Service
from shared.settings import DeploymentSettings
from tests.fixtures import TopicFactory
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.test_rebuilding import REGION, send

HOUSEHOLDS, NUMBERS = 150, 6
metadata = MetaData()
lived = Table(
    "test_lived",
    metadata,
    Column("place", BigInteger, Identity(), primary_key=True),
    Column("household", Uuid),
    Column("number", BigInteger),
)
events = EventRouter(service="verification")


@events.project(HouseholdUpdated)
async def write_down(event: HouseholdUpdated, session: Session, fact: Fact) -> None:
    row = insert(lived).values(household=event.household_id, number=fact.sequence)
    await (await session.connection()).execute(row)


SERVICE = Service(
    name="verification",
    settings=DeploymentSettings,
    metadata=metadata,
    events=events,
    timers=TimerRouter(service="verification"),
    routes=(),
    read_models=(lived,),
)


@pytest.mark.parametrize("seed", range(3))
async def test_a_rebuild_folds_what_was_lived_in_its_order(
    deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory, seed: int
) -> None:
    random, username, password = Random(seed), *stack.kafka_admin
    kafka = {"kafka_bootstrap": stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password}
    city = await deployment_of(SERVICE, **kafka)
    async with city.transaction() as session:
        await (await session.connection()).run_sync(metadata.create_all)
        await session.execute(text("insert into kernel.statement (name, value) values ('react-from', 'true')"))
    log = history(city, random)
    await topics(log[0].topic)
    await send(city, log)
    done = Counter[str]()
    async for records in read_topics(city.deployment.settings, together=11):
        await city.hear(*records)
        for head in await heads(city):
            if random.random() < 0.2:
                done[await act(city, head, random)] += 1
    assert min(done[each] for each in ("redriven", "gap accepted", "dismissed")) > 5, done
    before = await numbers(city)
    await rebuild(city.deployment)
    assert await numbers(city) == before
    assert sum(map(len, before.values())) > HOUSEHOLDS


def history(city: TestDeployment, random: Random) -> list[StoredRecord]:
    """Six facts of each household: some never come, some late, some twice, some damaged."""
    waiting = []
    for _ in range(HOUSEHOLDS):
        first = city.record(fact_of(UUID(int=random.getrandbits(128), version=4)))
        facts = [numbered(first, number) for number in range(1, NUMBERS + 1)]
        told = [each for each in facts if random.random() > 0.1]
        for _ in range(random.randrange(3)):
            late = told.pop(random.randrange(len(told) - 1))
            told.insert(random.randrange(len(told) + 1), late)
        for _ in range(random.randrange(3)):
            told.insert(random.randrange(len(told) + 1), random.choice(facts))
        waiting.append([damaged(each, random) if random.random() < 0.15 else each for each in told])
    log = []
    while any(waiting):
        log.append(random.choice([each for each in waiting if each]).pop(0))
    return log


def fact_of(household: UUID) -> HouseholdUpdated:
    state = {"region": REGION, "registers": ["dtks"], "members": [], "persons": 0, "reason": "moved", "revision": 1}
    return HouseholdUpdated.model_validate({"household_id": household, **state})


def numbered(record: StoredRecord, number: int) -> StoredRecord:
    return headed(record, "ce_sequence", b"%d" % number)


def damaged(record: StoredRecord, random: Random) -> StoredRecord:
    if random.random() < 0.5:
        return replace(record, value=b"{broken")
    return headed(record, "ce_time", b"yesterday")


def headed(record: StoredRecord, name: str, value: bytes) -> StoredRecord:
    return replace(record, headers=tuple((each, value if each == name else old) for each, old in record.headers))


async def heads(city: TestDeployment) -> list[Parked]:
    return [each for each in await city.parked() if each.reason != "behind"]


async def act(city: TestDeployment, head: Parked, random: Random) -> str:
    """What somebody does about a record that waits; returns what came of it."""
    hearing = city.deployment.kernel.hearing
    if random.random() < 0.4:
        try:
            await dismiss(hearing, head, by="operator-1", reason="announced again by hand")
        except NotTheFirst:
            return "not the first"
        return "dismissed"
    accept = random.random() < 0.5
    again = await redrive(hearing, head, by="operator-1", accept_gap=accept)
    if not again.handled:
        return "left"
    return "gap accepted" if accept and head.reason == "gap" else "redriven"


async def numbers(city: TestDeployment) -> dict[object, list[int]]:
    found: dict[object, list[int]] = {}
    for row in await city.fetch("select household, number from test_lived order by place"):
        found.setdefault(row.household, []).append(row.number)
    return found
