"""What several tests look at: the small city after its story, played once, and a pair of deployments."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from local.stack import StackAddresses
from shared.events.topics import fact_topic
from tests.connected.pair import Pair
from tests.connected.small_city import Played, played_city
from tests.fixtures import TopicFactory
from tests.fixtures.deployments import DeploymentFactory
from tests.shared.messaging.city import INTAKE, SERVICE, TABLES

FAMILIES = 300


@pytest.fixture(scope="session")
async def played(stack: StackAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    """Undisturbed; who joins it later changes none of its figures."""
    async with played_city(stack, tmp_path_factory.mktemp("story"), FAMILIES) as city:
        yield city


@pytest.fixture
async def pair(deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory, topic_root: str) -> Pair:
    """An announcing and a hearing deployment with their topics."""
    username, password = stack.kafka_admin
    kafka = {"kafka_bootstrap": stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password}
    await topics(*(fact_topic(topic_root, service, "dinsos-samarinda") for service in ("intake", "verification")))
    intake = await deployment_of(INTAKE, **kafka)
    city = await deployment_of(SERVICE, **kafka)
    async with city.transaction() as session:
        for statement in (*TABLES, "insert into kernel.statement (name, value) values ('react-from', 'true')"):
            await session.execute(text(statement))
    return intake, city
