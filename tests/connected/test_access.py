"""What one deployment cannot do to another, tried on real Kafka and PostgreSQL with the deployments' own secrets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition as Place
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType

from local.stack import StackAddresses
from shared.directory import DeploymentId, Directory, read_directory
from shared.events.topics import consumer_group
from shared.provisioning.agency import Joining, suspend
from shared.provisioning.cluster import dsn_of, kafka_admin
from shared.provisioning.databases import database_of
from shared.provisioning.operator import OperatorSettings, laptop_operator
from shared.provisioning.provision import provision
from shared.provisioning.secrets_file import read_variables
from shared.settings import DeploymentSettings
from tests.fixtures import eventually
from tests.fixtures.cleaning import remove_deployments

TODAY = date(2026, 11, 23)
DINKOP, PUPR = DeploymentId("programs", "dinkop-samarinda"), DeploymentId("programs", "pupr-samarinda")
INTAKE, PROVINCE = DeploymentId("intake", "dinsos-samarinda"), DeploymentId("programs", "dinsos-kaltim")
BOARD = DeploymentId("notifications", "dinsos-samarinda")
NEWCOMER = DeploymentId("programs", "disnaker-samarinda")
JOINING = Joining(
    code="disnaker-samarinda",
    name="Dinas Tenaga Kerja Kota Samarinda",
    region="64.72",
    services=("programs",),
    since=TODAY,
    legal_basis="uu-13-2011",
)


@dataclass
class City:
    """The demo's deployments, provisioned under a topic root of this test."""

    operator: OperatorSettings

    @property
    def directory(self) -> Directory:
        return read_directory(self.operator.directory_file, self.operator.topic_root)

    def env_of(self, deployment: DeploymentId) -> dict[str, str]:
        return read_variables(self.operator.env_file_of(deployment))

    def sign_in(self, deployment: DeploymentId, password: str | None = None) -> dict[str, str]:
        env = self.env_of(deployment)
        return {
            "bootstrap_servers": env["TUNTAS_KAFKA_BOOTSTRAP"],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": env["TUNTAS_KAFKA_USERNAME"],
            "sasl_plain_password": password or env["TUNTAS_KAFKA_PASSWORD"],
        }

    def fact_topic(self, deployment: DeploymentId) -> str:
        return self.directory.topic_of(*deployment)

    def profiles_topic(self, deployment: DeploymentId) -> str:
        return self.directory.profiles_topic_of(*deployment)

    async def announce(self, speaker: DeploymentId, topic: str) -> None:
        """One record, with the guarantees the relay asks for."""
        producer = AIOKafkaProducer(**self.sign_in(speaker), acks="all", enable_idempotence=True)
        try:
            await producer.start()
            await producer.send_and_wait(topic, b"{}", key=b"household", partition=0)
        finally:
            await producer.stop()

    async def read(self, reader: DeploymentId, topic: str) -> list[bytes]:
        """The first record of a topic's first partition. Raises KafkaException where the broker does not give it."""
        return await asyncio.to_thread(self._read, reader, topic)

    def _read(self, reader: DeploymentId, topic: str) -> list[bytes]:
        signed_in = self.sign_in(reader)
        consumer = Consumer(
            {
                "bootstrap.servers": signed_in["bootstrap_servers"],
                "security.protocol": signed_in["security_protocol"],
                "sasl.mechanism": signed_in["sasl_mechanism"],
                "sasl.username": signed_in["sasl_plain_username"],
                "sasl.password": signed_in["sasl_plain_password"],
                "group.id": signed_in["sasl_plain_username"],
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        try:
            refusal = consumer.list_topics(topic, timeout=15).topics[topic].error
            if refusal is not None:
                raise KafkaException(refusal)
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            record = consumer.poll(15)
            if record is None:
                return []
            if refusal := record.error():
                raise KafkaException(refusal)
            return [record.value() or b""]
        finally:
            consumer.close()

    async def join(self, reader: DeploymentId, group: str) -> None:
        """Hears all facts in a group; returns when partitions were assigned."""
        consumer = AIOKafkaConsumer(**self.sign_in(reader), group_id=group)
        consumer.subscribe([self.fact_topic(INTAKE)])
        try:
            await consumer.start()
            await eventually(consumer.assignment)
            await consumer.commit({Place(self.fact_topic(INTAKE), 0): 0})
        finally:
            await consumer.stop()

    def database_url(self, deployment: DeploymentId, *, of: DeploymentId | None = None) -> str:
        """A deployment's own role and password, on its own database or on another's."""
        url = self.env_of(deployment)["TUNTAS_DATABASE_URL"]
        return url if of is None else dsn_of(url, database_of(self.operator.topic_root, of))


@pytest.fixture
async def city(stack: StackAddresses, topic_root: str, tmp_path: Path) -> AsyncIterator[City]:
    shipped = Path(__file__).parents[2] / "local" / "agencies.yaml"
    directory_file = tmp_path / "agencies.yaml"
    directory_file.write_text(shipped.read_text())
    operator = laptop_operator(
        stack,
        tmp_path / "state",
        directory_file=directory_file,
        oidc_issuer="http://127.0.0.1:1/",
        oidc_jwks_url="http://127.0.0.1:1/jwks",
        topic_root=topic_root,
    )
    try:
        await provision(operator, on=TODAY, migrated=False)
        yield City(operator)
    finally:
        await remove_deployments(stack, topic_root)


async def test_nobody_speaks_for_another(city: City) -> None:
    await city.announce(DINKOP, city.fact_topic(DINKOP))
    await city.announce(INTAKE, city.profiles_topic(INTAKE))
    for topic in (city.fact_topic(PUPR), city.fact_topic(INTAKE), city.profiles_topic(INTAKE)):
        with pytest.raises(TopicAuthorizationFailedError):
            await city.announce(DINKOP, topic)
    with pytest.raises(TopicAuthorizationFailedError):
        await city.announce(PROVINCE, city.fact_topic(DINKOP))


async def test_profiles_are_read_by_those_with_a_grant_alone(city: City) -> None:
    profiles = city.profiles_topic(INTAKE)
    await city.announce(INTAKE, profiles)

    assert await city.read(DINKOP, profiles) == [b"{}"]
    assert await city.read(INTAKE, profiles) == [b"{}"]
    for reader in (PROVINCE, BOARD):
        with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
            await city.read(reader, profiles)


async def test_a_topic_without_a_grant_is_not_even_seen(city: City) -> None:
    seen = {reader: await _topics_seen_by(city, reader) for reader in (DINKOP, PROVINCE)}
    assert city.profiles_topic(INTAKE) in seen[DINKOP]
    assert not any("-profiles" in topic for topic in seen[PROVINCE])
    assert city.fact_topic(INTAKE) in seen[PROVINCE]


async def test_everybody_reads_all_facts(city: City) -> None:
    await city.announce(DINKOP, city.fact_topic(DINKOP))
    for reader in (INTAKE, PUPR, BOARD, PROVINCE):
        assert await city.read(reader, city.fact_topic(DINKOP)) == [b"{}"]


async def test_nobody_joins_anothers_group(city: City) -> None:
    root = city.operator.topic_root
    own, others = consumer_group(root, *DINKOP), consumer_group(root, *PUPR)
    await city.join(DINKOP, own)
    await city.join(DINKOP, f"{own}.rebuild")
    for group in (others, f"{others}.rebuild", f"{own}2", "anything"):
        with pytest.raises(GroupAuthorizationFailedError):
            await city.join(DINKOP, group)


async def test_a_wrong_password_opens_nothing(city: City) -> None:
    producer = AIOKafkaProducer(**city.sign_in(DINKOP, password="guessed"), request_timeout_ms=3000)
    with pytest.raises((AuthenticationFailedError, KafkaConnectionError)):
        await producer.start()
    await producer.stop()
    url = urlsplit(city.database_url(DINKOP))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=url.hostname, port=url.port, user=url.username, password="guessed")


async def test_no_role_enters_anothers_database(city: City) -> None:
    connection = await asyncpg.connect(city.database_url(DINKOP))
    try:
        await connection.execute("create table mine (id int)")
        powers = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
        assert not await connection.fetchval(powers)
    finally:
        await connection.close()
    for other in (PUPR, INTAKE, BOARD):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(city.database_url(DINKOP, of=other))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(city.database_url(DINKOP, of=PROVINCE))


async def test_each_deployment_starts_with_its_own_settings(city: City) -> None:
    here = [each.id for each in city.directory.deployments() if each.runs == "here"]
    settings = [DeploymentSettings(_env_file=city.operator.env_file_of(each)) for each in here]
    assert len({each.http_port for each in settings}) == len(here)
    assert len({each.vault_keys.get_secret_value() for each in settings}) == len(here)
    assert len({each.kafka_password.get_secret_value() for each in settings}) == len(here)
    assert len({each.blind_index_key.get_secret_value() for each in settings}) == 1
    assert all(each.public_url == f"http://127.0.0.1:{each.http_port}" for each in settings)
    for each in here:
        assert city.operator.env_file_of(each).stat().st_mode & 0o777 == 0o600


async def test_a_second_run_changes_nothing(city: City) -> None:
    assert await provision(city.operator, on=TODAY, migrated=False) == []


async def test_lost_settings_are_made_anew(city: City) -> None:
    city.operator.env_file_of(DINKOP).unlink()
    changed = await provision(city.operator, on=TODAY, migrated=False)
    assert any("password renewed" in line for line in changed)
    await city.announce(DINKOP, city.fact_topic(DINKOP))
    await (await asyncpg.connect(city.database_url(DINKOP))).close()


async def test_a_grant_that_ended_is_taken_back(city: City) -> None:
    text = city.operator.directory_file.read_text()
    reader = f"reader: {DINKOP}\n"
    assert reader in text
    city.operator.directory_file.write_text(text.replace(reader, f"{reader}  until: {TODAY}\n"))
    changed = await provision(city.operator, on=TODAY, migrated=False)
    assert [line.split(" on ")[0] for line in changed if "taken" in line] == ["taken: READ", "taken: READ"]
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        await city.read(DINKOP, city.profiles_topic(INTAKE))


async def test_facts_are_kept_for_ever_and_profiles_compacted(city: City) -> None:
    facts = await _settings_of(city, city.fact_topic(INTAKE))
    profiles = await _settings_of(city, city.profiles_topic(INTAKE))
    assert (facts["cleanup.policy"], facts["retention.ms"], facts["retention.bytes"]) == ("delete", "-1", "-1")
    assert profiles["cleanup.policy"] == "compact"
    assert profiles["max.compaction.lag.ms"] == profiles["segment.ms"] == "86400000"


async def _topics_seen_by(city: City, reader: DeploymentId) -> set[str]:
    consumer = AIOKafkaConsumer(**city.sign_in(reader), group_id=None)
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()


async def _settings_of(city: City, topic: str) -> dict[str, str]:
    admin = kafka_admin(city.operator.addresses)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    held = await asyncio.to_thread(lambda: admin.describe_configs([resource])[resource].result(20))
    return {name: entry.value for name, entry in held.items()}


async def test_who_is_suspended_cannot_announce_and_still_reads(city: City) -> None:
    await city.announce(DINKOP, city.fact_topic(DINKOP))
    speaker = AIOKafkaProducer(**city.sign_in(DINKOP), acks="all")
    await speaker.start()
    try:
        await speaker.send_and_wait(city.fact_topic(DINKOP), b"{}", partition=0)
        await suspend(city.operator, DINKOP.agency, TODAY)
        # Who was signed in already is stopped as well.
        with pytest.raises(TopicAuthorizationFailedError):
            await speaker.send_and_wait(city.fact_topic(DINKOP), b"{}", partition=0)
    finally:
        await speaker.stop()
    assert await city.read(DINKOP, city.fact_topic(DINKOP)) == [b"{}"]
    assert await suspend(city.operator, DINKOP.agency, TODAY) == []

