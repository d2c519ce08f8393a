"""What one deployment cannot do to another, tried on real Kafka and PostgreSQL with the deployments' own secrets."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType

from shared.directory import DeploymentId
from shared.events.topics import consumer_group, producer_name
from shared.messaging.fenced_producer import FencedProducer
from shared.provisioning.cluster import kafka_admin
from shared.provisioning.provision import provision
from shared.settings import DeploymentSettings
from tests.fixtures import eventually
from tests.fixtures.provisioned import TODAY, Provisioned

DINKOP, PUPR = DeploymentId("programs", "dinkop-samarinda"), DeploymentId("programs", "pupr-samarinda")
INTAKE, PROVINCE = DeploymentId("intake", "dinsos-samarinda"), DeploymentId("programs", "dinsos-kaltim")
BOARD = DeploymentId("notifications", "dinsos-samarinda")


async def test_nobody_speaks_for_another(provisioned: Provisioned) -> None:
    await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))
    await provisioned.announce(INTAKE, provisioned.profiles_topic(INTAKE))
    for topic in (provisioned.fact_topic(PUPR), provisioned.fact_topic(INTAKE), provisioned.profiles_topic(INTAKE)):
        with pytest.raises(TopicAuthorizationFailedError):
            await provisioned.announce(DINKOP, topic)
    with pytest.raises(TopicAuthorizationFailedError):
        await provisioned.announce(PROVINCE, provisioned.fact_topic(DINKOP))


async def test_profiles_are_read_by_those_with_a_grant_alone(provisioned: Provisioned) -> None:
    profiles = provisioned.profiles_topic(INTAKE)
    await provisioned.announce(INTAKE, profiles)

    assert await provisioned.read(DINKOP, profiles) == [b"{}"]
    assert await provisioned.read(INTAKE, profiles) == [b"{}"]
    for reader in (PROVINCE, BOARD):
        with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
            await provisioned.read(reader, profiles)


async def test_a_topic_without_a_grant_is_not_even_seen(provisioned: Provisioned) -> None:
    seen = {reader: await _topics_seen_by(provisioned, reader) for reader in (DINKOP, PROVINCE)}
    assert provisioned.profiles_topic(INTAKE) in seen[DINKOP]
    assert not any("-profiles" in topic for topic in seen[PROVINCE])
    assert provisioned.fact_topic(INTAKE) in seen[PROVINCE]


async def test_everybody_reads_all_facts(provisioned: Provisioned) -> None:
    await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))
    for reader in (INTAKE, PUPR, BOARD, PROVINCE):
        assert await provisioned.read(reader, provisioned.fact_topic(DINKOP)) == [b"{}"]


async def test_nobody_joins_anothers_group(provisioned: Provisioned) -> None:
    root = provisioned.operator.topic_root
    own, others = consumer_group(root, *DINKOP), consumer_group(root, *PUPR)
    await provisioned.join(DINKOP, own, provisioned.fact_topic(INTAKE))
    await provisioned.join(DINKOP, f"{own}.rebuild", provisioned.fact_topic(INTAKE))
    for group in (others, f"{others}.rebuild", f"{own}2", "anything"):
        with pytest.raises(GroupAuthorizationFailedError):
            await provisioned.join(DINKOP, group, provisioned.fact_topic(INTAKE))


async def test_nobody_writes_under_anothers_name(provisioned: Provisioned) -> None:
    """Whoever begins under a name has the broker refuse all who began under it before."""
    root = provisioned.operator.topic_root
    own = FencedProducer(producer_name(root, *DINKOP), **provisioned.sign_in(DINKOP))
    try:
        await own.start()
    finally:
        await own.stop()
    for name in (producer_name(root, *PUPR), f"{producer_name(root, *DINKOP)}2", "anything"):
        others = FencedProducer(name, **provisioned.sign_in(DINKOP))
        try:
            with pytest.raises(TransactionalIdAuthorizationFailed):
                await others.start()
        finally:
            await others.stop()


async def test_a_wrong_password_opens_nothing(provisioned: Provisioned) -> None:
    producer = AIOKafkaProducer(**provisioned.sign_in(DINKOP, password="guessed"), request_timeout_ms=3000)
    with pytest.raises((AuthenticationFailedError, KafkaConnectionError)):
        await producer.start()
    await producer.stop()
    url = urlsplit(provisioned.database_url(DINKOP))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=url.hostname, port=url.port, user=url.username, password="guessed")


async def test_no_role_enters_anothers_database(provisioned: Provisioned) -> None:
    connection = await asyncpg.connect(provisioned.database_url(DINKOP))
    try:
        await connection.execute("create table mine (id int)")
        powers = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
        assert not await connection.fetchval(powers)
    finally:
        await connection.close()
    for other in (PUPR, INTAKE, BOARD):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(provisioned.database_url(DINKOP, of=other))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(provisioned.database_url(DINKOP, of=PROVINCE))


async def test_each_deployment_starts_with_its_own_settings(provisioned: Provisioned) -> None:
    here = [each.id for each in provisioned.directory.deployments() if each.runs == "here"]
    settings = [DeploymentSettings(_env_file=provisioned.operator.env_file_of(each)) for each in here]
    assert len({each.http_port for each in settings}) == len(here)
    assert len({each.vault_keys.get_secret_value() for each in settings}) == len(here)
    assert len({each.kafka_password.get_secret_value() for each in settings}) == len(here)
    assert len({each.blind_index_key.get_secret_value() for each in settings}) == 1
    assert all(each.public_url == f"http://127.0.0.1:{each.http_port}" for each in settings)
    for each in here:
        assert provisioned.operator.env_file_of(each).stat().st_mode & 0o777 == 0o600


async def test_a_second_run_changes_nothing(provisioned: Provisioned) -> None:
    assert await provision(provisioned.operator, on=TODAY, migrated=False) == []


async def test_lost_settings_are_made_anew(provisioned: Provisioned) -> None:
    provisioned.operator.env_file_of(DINKOP).unlink()
    changed = await provision(provisioned.operator, on=TODAY, migrated=False)
    assert any("password renewed" in line for line in changed)
    await eventually(lambda: _signs_in(provisioned))
    await (await asyncpg.connect(provisioned.database_url(DINKOP))).close()


async def _signs_in(provisioned: Provisioned) -> bool:
    """A broker learns of a renewed password a moment after the controller has taken it."""
    try:
        await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))
    except KafkaConnectionError:
        return False
    return True


async def test_a_grant_that_ended_is_taken_back(provisioned: Provisioned) -> None:
    text = provisioned.operator.directory_file.read_text()
    reader = f"reader: {PUPR}\n"
    assert reader in text
    provisioned.operator.directory_file.write_text(text.replace(reader, f"{reader}  until: {TODAY}\n"))
    changed = await provision(provisioned.operator, on=TODAY, migrated=False)
    assert [line.split(" on ")[0] for line in changed if "taken" in line] == ["taken: READ", "taken: READ"]
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        await provisioned.read(PUPR, provisioned.profiles_topic(INTAKE))


async def test_facts_are_kept_for_ever_and_profiles_compacted(provisioned: Provisioned) -> None:
    facts = await _settings_of(provisioned, provisioned.fact_topic(INTAKE))
    profiles = await _settings_of(provisioned, provisioned.profiles_topic(INTAKE))
    assert (facts["cleanup.policy"], facts["retention.ms"], facts["retention.bytes"]) == ("delete", "-1", "-1")
    assert profiles["cleanup.policy"] == "compact"
    assert profiles["max.compaction.lag.ms"] == profiles["segment.ms"] == "86400000"


async def _topics_seen_by(provisioned: Provisioned, reader: DeploymentId) -> set[str]:
    consumer = AIOKafkaConsumer(**provisioned.sign_in(reader), group_id=None)
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()


async def _settings_of(provisioned: Provisioned, topic: str) -> dict[str, str]:
    admin = kafka_admin(provisioned.operator.addresses)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    held = await asyncio.to_thread(lambda: admin.describe_configs([resource])[resource].result(20))
    return {name: entry.value for name, entry in held.items()}
