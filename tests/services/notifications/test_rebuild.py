"""Over real Kafka: the board's tables are wiped and folded again, to the same bytes; nobody is told twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from local.stack import StackAddresses
from services.notifications.app import SERVICE
from shared.events.programs import FundLineOpened, ProgrammePublished
from shared.events.topics import fact_topic
from shared.messaging import rebuild as rebuilding
from shared.messaging.consumer import kafka_options
from shared.messaging.hearing import Hearing
from shared.messaging.parking import StoredRecord
from shared.messaging.rebuild import rebuild
from tests.fixtures import TopicFactory, eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.notifications.story import KELURAHAN, PEOPLE
from tests.services.notifications.test_board import END, OTHER, closed, two_families


async def test_a_rebuild_gives_the_same_bytes_and_tells_nobody(
    deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory, topic_root: str, tmp_path: Path
) -> None:
    city = await city_with_a_past(deployment_of, stack, topics, topic_root, tmp_path)
    told, facts = await count(city, "message"), await count(city, "heard_fact")
    assert told > 0
    rebuilt = await rebuild(city.deployment)
    assert rebuilt.unchanged
    assert rebuilt.records == facts
    assert await count(city, "heard_fact") == facts
    assert await count(city, "message") == told


async def test_folding_waits_until_the_tables_are_empty(
    deployment_of: DeploymentFactory,
    stack: StackAddresses,
    topics: TopicFactory,
    topic_root: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    city = await city_with_a_past(deployment_of, stack, topics, topic_root, tmp_path)
    digest_now, folding = rebuilding.digest, asyncio.Event()
    dispatch_now = Hearing.dispatch

    async def digest(*arguments: Any) -> str:
        await folding.wait()
        return await digest_now(*arguments)

    async def dispatch(*arguments: Any, **options: Any) -> None:
        folding.set()
        await dispatch_now(*arguments, **options)

    monkeypatch.setattr(rebuilding, "digest", digest)
    monkeypatch.setattr(Hearing, "dispatch", dispatch)
    assert (await rebuild(city.deployment)).unchanged


async def city_with_a_past(
    deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory, topic_root: str, tmp_path: Path
) -> TestDeployment:
    """A board that has heard what is on the topics."""
    people = tmp_path / "people.yaml"
    people.write_text(PEOPLE, encoding="utf-8")
    username, password = stack.kafka_admin
    kafka = {"kafka_bootstrap": stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password}
    city = await deployment_of(SERVICE, people_file=people, **kafka)
    records = past(city)
    await topics(*{record.topic for record in records}, fact_topic(topic_root, "notifications", city.deployment.agency))
    await send(city, records)
    async with city.transaction() as session:
        await session.execute(text("insert into kernel.statement (name, value) values ('react-from', 'true')"))
    city.clock.move_to(END)
    async with city.deployment.kernel.running("worker"):
        await eventually(lambda: has_facts(city, len(records)), within=60, what="the facts")
    return city


def past(city: TestDeployment) -> list[StoredRecord]:
    """Two families, a list, a programme and its money; the province as well."""
    families = two_families()
    families[0].enrolled("a", unit="family", programme="PKH-2022", agency="dinsos-kaltim")
    start = families[0].facts[0].at
    general = [closed((KELURAHAN, 4), (OTHER, 3)), ProgrammePublished.from_example(), FundLineOpened.from_example()]
    told = [city.record(event, at=start) for event in general]
    return told + [
        city.record(fact.event, agency=fact.agency, at=fact.at) for family in families for fact in family.facts
    ]


async def send(city: TestDeployment, records: list[StoredRecord]) -> None:
    producer = AIOKafkaProducer(acks="all", **kafka_options(city.deployment.settings))
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(record.headers))
    finally:
        await producer.stop()


async def has_facts(city: TestDeployment, wanted: int) -> bool:
    return await count(city, "heard_fact") == wanted


async def count(city: TestDeployment, table: str) -> int:
    return int((await city.fetch(f"select count(*) as n from {table}"))[0].n)
