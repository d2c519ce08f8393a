"""Brings the cluster to what the agency directory says. Each step may be repeated: a second run changes nothing."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal, TextIO

from confluent_kafka.admin import AdminClient

from shared.directory import AgencyStatus, Deployment, Directory, read_directory
from shared.messaging.migrate import migrate
from shared.messaging.statements import react_from_where
from shared.provisioning import acls, databases, principals, topics
from shared.provisioning.cluster import kafka_admin
from shared.provisioning.deployments import Secrets, free_port, kept_port, lay_aside, settings_of, take_up, write_env
from shared.provisioning.entries import change_directory, with_deployment
from shared.provisioning.operator import OperatorSettings

# "beginning": a founding deployment lives through everything. "now": one that joins learns the past and acts on what
# comes after, never on what it did not live through.
ReactFrom = Literal["beginning", "now"]


async def provision(
    operator: OperatorSettings,
    *,
    on: date,
    agency: str | None = None,
    react_from: ReactFrom = "beginning",
    migrated: bool = True,
) -> list[str]:
    """Topics, principals, ACLs, databases, settings and migrations of all deployments, or of one agency's.

    Returns what changed, a line each; nothing where all was so already. Runs at once wait for each other.
    """
    async with _only_run(operator.state_dir):
        return await _provision(operator, on, agency, react_from, migrated)


async def _provision(
    operator: OperatorSettings, on: date, agency: str | None, react_from: ReactFrom, migrated: bool
) -> list[str]:
    directory = read_directory(operator.directory_file, operator.topic_root)
    deployments = directory.deployments(agency=agency)
    removed = [each for each in deployments if directory.agency(each.agency).status is AgencyStatus.REMOVED]
    for each in deployments:
        if each not in removed:
            take_up(operator, each)
    changed = _settle_addresses(operator, directory, [each for each in deployments if each not in removed])
    directory = read_directory(operator.directory_file, operator.topic_root)
    admin = kafka_admin(operator.addresses, operator.kafka_ca_file)
    in_office = [each for each in directory.deployments(agency=agency) if each not in removed]
    plans = [
        plan for each in in_office for plan in topics.plan_of(operator.topic_root, each.id, operator.kafka_replicas)
    ]
    changed += await asyncio.to_thread(topics.ensure_topics, admin, plans, operator.kafka_replicas)
    for each in in_office:
        changed += await _provision_one(operator, directory, admin, each, on)
        if each.runs == "here" and migrated:
            changed += await _migrate(operator, each, react_from)
    for each in removed:
        changed += await _close_one(operator, directory, admin, each, on)
    operator.keep()
    return changed


async def _provision_one(
    operator: OperatorSettings, directory: Directory, admin: AdminClient, deployment: Deployment, on: date
) -> list[str]:
    name = principals.principal_of(operator.topic_root, deployment.id)
    secrets = Secrets.kept_in(operator.env_file_of(deployment.id, deployment.runs))
    changed = await asyncio.to_thread(
        principals.ensure_principal, admin, name, secrets.kafka_password, renew=secrets.fresh
    )
    changed += await asyncio.to_thread(acls.ensure_acls, admin, name, acls.plan_of(directory, deployment, on))
    if deployment.runs == "here":
        database = databases.database_of(operator.topic_root, deployment.id)
        admin_dsn = operator.database_admin_dsn.get_secret_value()
        changed += await databases.ensure_database(admin_dsn, database, secrets.database_password)
    return changed + write_env(operator, directory, deployment, secrets)


async def _close_one(
    operator: OperatorSettings, directory: Directory, admin: AdminClient, deployment: Deployment, on: date
) -> list[str]:
    """Nothing of a removed agency can sign in or speak; topics and database stay, because others built on them."""
    name = principals.principal_of(operator.topic_root, deployment.id)
    changed = await asyncio.to_thread(acls.ensure_acls, admin, name, acls.plan_of(directory, deployment, on))
    changed += await asyncio.to_thread(principals.lock_principal, admin, name)
    if deployment.runs == "here":
        database = databases.database_of(operator.topic_root, deployment.id)
        changed += await databases.close_database(operator.database_admin_dsn.get_secret_value(), database)
    return changed + lay_aside(operator, deployment)


async def _migrate(operator: OperatorSettings, deployment: Deployment, react_from: ReactFrom) -> list[str]:
    settings = settings_of(operator, deployment)
    await migrate(deployment.service, settings.database_url.get_secret_value(), settings.database_ca_file)
    stated = await react_from_where(settings, react_from)
    return [f"{deployment.id} reacts from {react_from}"] if stated else []


def _settle_addresses(operator: OperatorSettings, directory: Directory, deployments: list[Deployment]) -> list[str]:
    """On a laptop every deployment gets a free port once, and the directory says where its pages are."""
    if operator.mode != "laptop":
        return []
    taken = {port for each in directory.deployments() if (port := kept_port(operator, each))}
    changed = []
    for each in deployments:
        if each.runs == "here":
            port = kept_port(operator, each) or free_port(taken)
            taken.add(port)
            settled = each.model_copy(update={"url": f"http://127.0.0.1:{port}"})
            if change_directory(operator.directory_file, partial(with_deployment, deployment=settled)):
                changed.append(f"{each.id} will be at {settled.url}")
    return changed


@asynccontextmanager
async def _only_run(state_dir: Path) -> AsyncIterator[None]:
    """Two runs at once could each make a password, and one of them would be written down in vain."""
    with _lock_file(state_dir) as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


def _lock_file(state_dir: Path) -> TextIO:
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (state_dir / ".provisioning.lock").open("a")
