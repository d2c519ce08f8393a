"""Rebuild over real Kafka: what is held back in memory, written in parts or overtaken by a statement, ends as lived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text, Uuid, func, text, update

from local.stack import StackAddresses
from shared.events.envelope import Event
from shared.events.intake import HouseholdRegistered, HouseholdUpdated, HouseholdWithdrawn
from shared.events.programs import HouseholdEnrolled
from shared.messaging import EventRouter, Session, TimerRouter, upsert_newer
from shared.messaging.consumer import kafka_options
from shared.messaging.parking import StoredRecord
from shared.messaging.reading import read_topics
from shared.messaging.rebuild import rebuild
from shared.messaging.redrive import dismiss
from shared.service import Service
from shared.settings import DeploymentSettings
from tests.fixtures import TopicFactory
from tests.fixtures.deployments import DeploymentFactory, TestDeployment

REGION = "64.72.05.1002"
POISONED = 10
metadata = MetaData()
seen = Table(
    "test_seen_household",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("region", Text),
    Column("revision", BigInteger),
    Column("withdrawn", Boolean),
    Column("withdrawals", BigInteger),
)
events = EventRouter(service="verification")


@events.project(HouseholdRegistered, batch=True)
@events.project(HouseholdUpdated, batch=True)
async def remember(facts: list[HouseholdRegistered | HouseholdUpdated], session: Session) -> None:
    rows = [{"id": each.household_id, "region": each.region, "revision": each.revision} for each in facts]
    await upsert_newer(session, seen, rows, newer="revision")


@events.project(HouseholdWithdrawn)
async def remember_withdrawal(event: HouseholdWithdrawn, session: Session) -> None:
    """Changes a row that must stand already: past the session's own statements, as some folds do."""
    if event.reason == "breaks" and (await session.execute(text("select to_regclass('test_breaks')"))).scalar_one():
        raise RuntimeError("a fold that fails")
    connection, its_row = await session.connection(), seen.c.id == event.household_id
    # Counts: whoever folds a record twice is found out.
    await connection.execute(update(seen).where(its_row).values(withdrawals=func.coalesce(seen.c.withdrawals, 0) + 1))
    changed = update(seen).where(its_row, seen.c.revision < event.revision)
    await connection.execute(changed.values(withdrawn=True, revision=event.revision))


SERVICE = Service(
    name="verification",
    settings=DeploymentSettings,
    metadata=metadata,
    events=events,
    timers=TimerRouter(service="verification"),
    routes=(),
    read_models=(seen,),
)


def life(household: UUID) -> list[Event]:
    facts = {"household_id": household, "region": REGION}
    state = facts | {"registers": ["dtks"], "members": [], "persons": 0}
    return [
        HouseholdRegistered(**state, revision=1),
        HouseholdUpdated(**state | {"region": "64.72.01.1001"}, reason="moved", revision=2),
        HouseholdWithdrawn(**facts, reason="breaks", revision=3),
        HouseholdUpdated(**state, reason="returned", revision=4),
    ]


def damaged(record: StoredRecord, other: str) -> list[StoredRecord]:
    """Ways in which a correction is not heard. Each would win over all else of its household, if it were folded."""
    assert record.value is not None
    body = orjson.loads(record.value) | {"revision": 9}

    def saying(**what: Any) -> StoredRecord:
        return replace(record, value=orjson.dumps(body | what))

    def headed(name: str, value: bytes) -> StoredRecord:
        return replace(saying(), headers=tuple((each, value if each == name else old) for each, old in record.headers))

    return [
        replace(record, value=b"{broken"),
        saying(region="31.71.01.1001"),
        saying(household_id=other),
        saying(members=["x" * 300_000]),
        headed("ce_time", b"yesterday"),
        headed("ce_id", b"none"),
        headed("ce_subject", b"household/of-nobody"),
        headed("ce_type", HouseholdEnrolled.full_type().encode()),
        headed("ce_correlationid", b"\xff"),
        headed("traceparent", b"\0"),
    ]


def winning(city: TestDeployment, of: StoredRecord, number: int) -> StoredRecord:
    """A sound correction of that number that would win over all else of the household of a record."""
    state = {"registers": ["dtks"], "members": [], "persons": 0, "reason": "moved", "revision": 9}
    household = UUID((of.key or b"").decode())
    record = city.record(HouseholdUpdated(household_id=household, region=REGION, **state))
    headers = {name: b"%d" % number if name == "ce_sequence" else value for name, value in record.headers}
    return replace(record, headers=tuple(headers.items()))


@pytest.fixture
async def city(deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory) -> TestDeployment:
    """A deployment that has lived through forty lives, each record twice, ten of them poisoned and dismissed.

    A last one waits with the parked, and another was not heard yet.
    """
    username, password = stack.kafka_admin
    kafka = {"kafka_bootstrap": stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password}
    city = await deployment_of(SERVICE, **kafka)
    async with city.transaction() as session:
        await session.execute(
            text(
                "create table test_seen_household "
                "(id uuid primary key, region text, revision bigint, withdrawn bool, withdrawals bigint)"
            )
        )
        await session.execute(text("insert into kernel.statement (name, value) values ('react-from', 'true')"))
    lives = [[city.record(each) for each in life(uuid4())] for _ in range(40)]
    other = (lives[0][0].key or b"").decode()
    for place in range(POISONED):
        own = lives[20 + place]
        own[1] = damaged(own[1], other)[place]
    repeated = [list(each) for each in lives]
    # A sound copy of what was given up is passed over, because its number was.
    repeated[20][1] = winning(city, repeated[20][2], 2)
    await topics(lives[0][0].topic)
    await send(city, [each[place] for place in range(4) for pair in zip(lives, repeated, strict=True) for each in pair])
    await hear_all(city)
    heads = [each for each in await city.parked() if each.reason != "behind"]
    assert len(heads) == POISONED
    for head in heads:
        await dismiss(city.deployment.kernel.hearing, head, by="operator-1", reason="announced again by hand")
    assert not await city.parked()
    await send(city, [damaged(winning(city, lives[38][0], 5), other)[4]])
    await hear_all(city)
    assert len(await city.parked()) == 1
    await send(city, [winning(city, lives[39][0], 5)])
    return city


async def hear_all(city: TestDeployment) -> None:
    async for records in read_topics(city.deployment.settings, together=17):
        await city.hear(*records)


@pytest.mark.parametrize("rows_held_max", [0, 7, 100_000])
async def test_a_rebuild_ends_as_lived_however_little_it_holds_back(city: TestDeployment, rows_held_max: int) -> None:
    lived = await rows(city)
    assert len(lived) == 40
    assert all(withdrawn and withdrawals == 1 for *_, withdrawn, withdrawals in lived)
    done = await rebuild(city.deployment, rows_held_max=rows_held_max)
    assert done.records == 322
    assert done.unchanged
    assert await rows(city) == lived


async def test_damaged_tables_are_mended_and_the_digest_says_so(city: TestDeployment) -> None:
    lived = await rows(city)
    async with city.transaction() as session:
        await session.execute(text("update test_seen_household set region = 'elsewhere'"))
        await session.execute(text("insert into test_seen_household values (gen_random_uuid(), 'x', 9, false, 0)"))
    assert not (await rebuild(city.deployment)).unchanged
    assert await rows(city) == lived
    assert (await rebuild(city.deployment)).unchanged


async def test_a_fold_that_fails_leaves_the_old_tables(city: TestDeployment) -> None:
    lived = await rows(city)
    async with city.transaction() as session:
        await session.execute(text("create table test_breaks ()"))
    with pytest.raises(RuntimeError, match="a fold that fails"):
        await rebuild(city.deployment)
    assert await rows(city) == lived
    async with city.transaction() as session:
        await session.execute(text("drop table test_breaks"))
    assert (await rebuild(city.deployment)).unchanged


async def rows(city: TestDeployment) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await city.fetch("select * from test_seen_household order by id")]


async def send(city: TestDeployment, records: list[StoredRecord]) -> None:
    producer = AIOKafkaProducer(acks="all", **kafka_options(city.deployment.settings))
    await producer.start()
    try:
        for record in records:
            await producer.send(record.topic, record.value, key=record.key, headers=list(record.headers))
        await producer.flush()
    finally:
        await producer.stop()
