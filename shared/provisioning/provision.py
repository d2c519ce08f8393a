"""Brings the cluster to what the agency directory says. Each step may be repeated: a second run changes nothing."""

import asyncio
from datetime import date
from functools import partial
from typing import Literal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.directory import AgencyStatus, Deployment, DeploymentId, Directory, read_directory
from shared.events.topics import PARTITIONS, parse_topic
from shared.messaging.migrate import migrate
from shared.messaging.statements import state_react_from
from shared.provisioning import acls, databases, principals, topics
from shared.provisioning.cluster import REQUEST_SECONDS_MAX, answer_of, dsn_of, kafka_admin
from shared.provisioning.deployments import Secrets, free_port, kept_port, write_env
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

    Returns what changed, a line each; nothing where all was so already.
    """
    changed = _settle_addresses(operator, agency)
    directory = read_directory(operator.directory_file, operator.topic_root)
    admin = kafka_admin(operator.addresses, operator.kafka_ca_file)
    deployments = directory.deployments(agency=agency)
    in_office = [each for each in deployments if directory.agency(each.agency).status is not AgencyStatus.REMOVED]
    plans = [
        plan for each in in_office for plan in topics.plan_of(operator.topic_root, each.id, operator.kafka_replicas)
    ]
    changed += await asyncio.to_thread(topics.ensure_topics, admin, plans, operator.kafka_replicas)
    for each in in_office:
        changed += await _provision_one(operator, directory, admin, each, on)
        if each.runs == "here" and migrated:
            changed += await _migrate(operator, directory, admin, each, on, react_from)
    for each in deployments:
        if each not in in_office:
            changed += await _close_one(operator, directory, admin, each, on)
    operator.keep()
    return changed


async def _provision_one(
    operator: OperatorSettings, directory: Directory, admin: AdminClient, deployment: Deployment, on: date
) -> list[str]:
    name = principals.principal_of(operator.topic_root, deployment.id)
    secrets = Secrets.kept_in(operator.env_file_of(deployment.id))
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
    changed += await asyncio.to_thread(principals.remove_principal, admin, name)
    if deployment.runs == "here":
        database = databases.database_of(operator.topic_root, deployment.id)
        changed += await databases.close_database(operator.database_admin_dsn.get_secret_value(), database)
    return changed


async def _migrate(
    operator: OperatorSettings,
    directory: Directory,
    admin: AdminClient,
    deployment: Deployment,
    on: date,
    react_from: ReactFrom,
) -> list[str]:
    secrets = Secrets.kept_in(operator.env_file_of(deployment.id))
    database = databases.database_of(operator.topic_root, deployment.id)
    dsn = dsn_of(operator.database_admin_dsn.get_secret_value(), database, database, secrets.database_password)
    await migrate(deployment.service, dsn)
    offsets = {}
    if react_from == "now":
        offsets = await asyncio.to_thread(end_offsets, admin, _heard_by(directory, admin, deployment.id, on))
    stated = await state_react_from(dsn, offsets)
    return [f"{deployment.id} reacts from {react_from}"] if stated else []


def end_offsets(admin: AdminClient, names: list[str]) -> dict[tuple[str, int], int]:
    """The offset after the last record of each partition."""
    if not names:
        return {}
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(name, number): latest for name in names for number in range(PARTITIONS)}
    answers = admin.list_offsets(asked, request_timeout=REQUEST_SECONDS_MAX)
    return {(place.topic, place.partition): answer_of(answer).offset for place, answer in answers.items()}


def _heard_by(directory: Directory, admin: AdminClient, deployment: DeploymentId, on: date) -> list[str]:
    """Every fact topic, and the profiles topics that a deployment may read."""
    there = admin.list_topics(timeout=REQUEST_SECONDS_MAX).topics
    return sorted(name for name in there if _hears(directory, deployment, name, on))


def _hears(directory: Directory, deployment: DeploymentId, topic: str, on: date) -> bool:
    announcer = parse_topic(topic, directory.root)
    if announcer is None:
        return False
    source = DeploymentId(announcer.service, announcer.agency)
    return announcer.kind == "facts" or directory.may_read_profiles(deployment, source, on)


def _settle_addresses(operator: OperatorSettings, agency: str | None) -> list[str]:
    """On a laptop every deployment gets a free port once, and the directory says where its pages are."""
    if operator.mode != "laptop":
        return []
    directory = read_directory(operator.directory_file, operator.topic_root)
    taken = {port for each in directory.deployments() if (port := kept_port(operator, each))}
    changed = []
    for each in directory.deployments(agency=agency):
        if each.runs == "here":
            port = kept_port(operator, each) or free_port(taken)
            taken.add(port)
            settled = each.model_copy(update={"url": f"http://127.0.0.1:{port}"})
            if change_directory(operator.directory_file, partial(with_deployment, deployment=settled)):
                changed.append(f"{each.id} will be at {settled.url}")
    return changed
