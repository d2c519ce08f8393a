"""A process of a deployment begins whatever its servers do, and says what is wrong until it is done."""

from __future__ import annotations

import asyncpg

from local.stack import StackAddresses
from services.verification.app import SERVICE
from tests.fixtures import eventually
from tests.fixtures.deployments import DeploymentFactory


async def test_a_service_starts_while_its_database_is_away_and_does_then_what_it_does_at_its_start(
    deployment_of: DeploymentFactory, stack: StackAddresses
) -> None:
    one = await deployment_of(SERVICE)
    admin = await asyncpg.connect(stack.postgres_admin_dsn)
    look = await one.database.connect()
    await look.execute("delete from kernel.due")
    await look.close()
    await one.deployment.close()

    async def start() -> str | None:
        return (await one.deployment.health())["start"]

    await admin.execute(f'alter database "{one.database.name}" with allow_connections false')
    try:
        async with one.deployment.running("api"):
            assert await start() is not None
            await eventually(lambda: one.deployment.kernel.health()["start"] is not None, what="a start that fails")
            await admin.execute(f'alter database "{one.database.name}" with allow_connections true')

            async def is_done() -> bool:
                return await start() is None

            await eventually(is_done, what="a start that is tried again")
            look = await one.database.connect()
            assert await look.fetchval("select count(*) from kernel.due") == 1
            await look.close()
    finally:
        await admin.execute(f'alter database "{one.database.name}" with allow_connections true')
        await admin.close()
