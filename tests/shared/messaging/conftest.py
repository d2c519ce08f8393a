"""A city that reacts from the beginning, for the tests of hearing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, TABLES


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> TestDeployment:
    deployment = await deployment_of(SERVICE)
    async with deployment.transaction() as session:
        for statement in (*TABLES, "insert into kernel.statement (name, value) values ('react-from', 'true')"):
            await session.execute(text(statement))
    return deployment
