"""The past again: read models wiped and rebuilt, and whole topics heard a second time, change not one byte."""

from __future__ import annotations

import asyncio
import hashlib

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient

from local.story.quiet import until_quiet
from shared.deployment import Deployment
from shared.events.topics import consumer_group
from shared.messaging.rebuild import rebuild
from shared.messaging.statements import OFFSETS_SEEN, withdraw
from shared.provisioning.secrets_file import read_variables
from shared.serve import find_service
from tests.connected.small_city import Played

DEPLOYMENTS = (
    "intake.dinsos-samarinda",
    "verification.dinsos-samarinda",
    "programs.dinsos-samarinda",
    "programs.dinkop-samarinda",
    "programs.pupr-samarinda",
    "notifications.dinsos-samarinda",
)
# What a year of operation prunes or what counts time itself; everything else must stay as it was.
_PRUNED = (
    "kernel.outbox", "kernel.idempotency", "kernel.audit_block", "kernel.due", "kernel.statement", "public.watch",
)  # fmt: skip


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_a_wiped_read_model_is_rebuilt_to_the_same_bytes(played: Played, name: str) -> None:
    deployment = deployment_of(played, name)
    try:
        done = await rebuild(deployment)
    finally:
        await deployment.close()
    assert done.records > 500
    assert done.before == done.after


@pytest.mark.parametrize("name", ["notifications.dinsos-samarinda", "programs.dinkop-samarinda"])
async def test_topics_heard_again_after_a_year_of_pruning_change_nothing(played: Played, name: str) -> None:
    await until_quiet(played.http, played.city.deployed.values())
    service, _, agency = name.partition(".")
    deployed = played.city.deployed[name]
    await asyncio.to_thread(deployed.stop)
    await prune(played, name)
    before = await digests(played, name)
    await forget_offsets(played, service, agency)
    deployment = deployment_of(played, name)
    async with deployment.sessions() as session:
        await withdraw(session, OFFSETS_SEEN)
        await session.commit()
    await deployment.close()
    deployed.start()
    await played.city.wait_ready([name])
    await until_quiet(played.http, played.city.deployed.values())
    repeated = await repeated_records(played, name)
    after = await digests(played, name)
    assert repeated > 500
    assert after == before


async def prune(played: Played, name: str) -> None:
    connection = await asyncpg.connect(dsn(played, name))
    try:
        await connection.execute("delete from kernel.outbox; delete from kernel.idempotency")
    finally:
        await connection.close()


async def digests(played: Played, name: str) -> dict[str, str]:
    """Digest per table of everything a deployment keeps, rows in the order of their text."""
    connection = await asyncpg.connect(dsn(played, name))
    try:
        tables = await connection.fetch(
            "select schemaname || '.' || tablename as name from pg_tables where schemaname in ('public', 'kernel')"
        )
        found = {}
        for table in sorted(row["name"] for row in tables):
            if table in _PRUNED:
                continue
            # Where a record was seen last is the one thing that reading again may move.
            line = "(to_jsonb(t) - 'last_offset')::text" if table == "kernel.heard" else "t::text"
            rows = await connection.fetch(f"select {line} as line from {table} t order by 1")
            found[table] = hashlib.sha256("\n".join(row["line"] for row in rows).encode()).hexdigest()
        return found
    finally:
        await connection.close()


async def forget_offsets(played: Played, service: str, agency: str) -> None:
    """As Kafka does with a group that was silent for too long."""
    admin = AdminClient(played.stack.kafka.librdkafka())
    group = consumer_group(played.city.topic_root, service, agency)
    for future in admin.delete_consumer_groups([group]).values():
        await asyncio.to_thread(future.result, 20)


async def repeated_records(played: Played, name: str) -> float:
    metrics = (await played.http.get(f"{played.city.deployed[name].url}/metrics")).text
    line = next(line for line in metrics.splitlines() if line.startswith("tuntas_repeated_total"))
    return float(line.split()[-1])


def deployment_of(played: Played, name: str) -> Deployment:
    """The deployment as an operator's command opens it, beside the process that serves."""
    service = find_service(name.partition(".")[0])
    return Deployment(service, service.settings(_env_file=played.city.operator.deployments_dir / f"{name}.env"))


def dsn(played: Played, name: str) -> str:
    return read_variables(played.city.state / "deployments" / f"{name}.env")["TUNTAS_DATABASE_URL"]
