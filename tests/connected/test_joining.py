"""An agency joins, is suspended, returns, is removed: with real principals, ACLs, databases and migrations."""

import asyncio
import secrets
from dataclasses import replace

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import AuthenticationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from local.people import PeopleFile, Person
from shared.directory import DeploymentId
from shared.messaging.reading import end_offsets
from shared.provisioning.agency import Joining, add, remove, suspend
from shared.provisioning.commands import app
from shared.security.roles import Role
from shared.settings import DeploymentSettings
from tests.fixtures.provisioned import TODAY, Provisioned

DINKOP, INTAKE = DeploymentId("programs", "dinkop-samarinda"), DeploymentId("intake", "dinsos-samarinda")


@pytest.fixture
def joining() -> Joining:
    """An agency that nobody has heard of yet."""
    code = f"dinas-{secrets.token_hex(4)}"
    return Joining(code, f"Dinas {code}", "64.72", ("programs",), TODAY, legal_basis="uu-13-2011")


@pytest.fixture
def newcomer(joining: Joining) -> DeploymentId:
    return joining.deployments[0].id


async def test_an_agency_joins_in_one_step_and_a_second_one_changes_nothing(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))

    changed = await add(provisioned.operator, joining)

    assert f"{newcomer} reacts from now" in changed
    assert await add(provisioned.operator, joining) == []
    await provisioned.announce(newcomer, provisioned.fact_topic(newcomer))
    assert await provisioned.read(newcomer, provisioned.fact_topic(DINKOP)) == [b"{}"]
    assert [person.agency for person in _people_of(provisioned, newcomer.agency)]
    await provisioned.announce(INTAKE, provisioned.profiles_topic(INTAKE))
    assert await provisioned.read(newcomer, provisioned.profiles_topic(INTAKE)) == [b"{}"]


async def test_one_that_joins_reacts_to_nothing_of_the_past(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))
    past = await end_offsets(DeploymentSettings(_env_file=provisioned.operator.env_file_of(DINKOP)))
    await add(provisioned.operator, joining)
    await provisioned.announce(DINKOP, provisioned.fact_topic(DINKOP))
    await add(provisioned.operator, joining)

    connection = await asyncpg.connect(provisioned.database_url(newcomer))
    try:
        rows = await connection.fetch('select topic, partition, "offset" from kernel.react_from')
    finally:
        await connection.close()
    stated = {(row["topic"], row["partition"]): row["offset"] for row in rows}
    assert stated.items() >= past.items()
    assert past[provisioned.fact_topic(DINKOP), 0] > 0


async def test_a_client_elsewhere_gets_a_principal_and_no_database(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    client = replace(joining, runs="elsewhere", legal_basis=None)
    await add(provisioned.operator, client)

    await provisioned.announce(newcomer, provisioned.fact_topic(newcomer))
    assert "TUNTAS_DATABASE_URL" not in provisioned.env_of(newcomer)
    assert not provisioned.operator.env_file_of(newcomer).exists()
    assert [person.roles for person in _people_of(provisioned, newcomer.agency)] == [(Role.INTEGRATION_CLIENT,)]
    assert await add(provisioned.operator, client) == []


async def test_who_is_suspended_cannot_announce_and_still_reads_until_it_returns(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await add(provisioned.operator, joining)
    topic = provisioned.fact_topic(newcomer)
    speaker = AIOKafkaProducer(**provisioned.sign_in(newcomer), acks="all")
    await speaker.start()
    try:
        await speaker.send_and_wait(topic, b"{}", partition=0)
        await suspend(provisioned.operator, newcomer.agency, TODAY)
        # Who was signed in already is stopped as well.
        with pytest.raises(TopicAuthorizationFailedError):
            await speaker.send_and_wait(topic, b"{}", partition=0)
    finally:
        await speaker.stop()
    assert await provisioned.read(newcomer, topic) == [b"{}"]
    assert await suspend(provisioned.operator, newcomer.agency, TODAY) == []

    await add(provisioned.operator, joining)
    await provisioned.announce(newcomer, topic)


async def test_who_is_removed_can_do_nothing_and_its_facts_stay(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await add(provisioned.operator, joining)
    signed_in, database_url = provisioned.sign_in(newcomer), provisioned.database_url(newcomer)
    speaker = AIOKafkaProducer(**signed_in, acks="all")
    await speaker.start()
    connection = await asyncpg.connect(database_url)
    try:
        await speaker.send_and_wait(provisioned.fact_topic(newcomer), b"{}", partition=0)
        await remove(provisioned.operator, newcomer.agency, TODAY)
        with pytest.raises(TopicAuthorizationFailedError):
            await speaker.send_and_wait(provisioned.fact_topic(newcomer), b"{}", partition=0)
        with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
            await connection.fetchval("select 1")
    finally:
        await speaker.stop()
        connection.terminate()
    again = AIOKafkaProducer(**signed_in)
    with pytest.raises((AuthenticationFailedError, KafkaConnectionError)):
        await again.start()
    await again.stop()
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(database_url)
    assert await provisioned.read(DINKOP, provisioned.fact_topic(newcomer)) == [b"{}"]
    assert not _people_of(provisioned, newcomer.agency)
    assert await remove(provisioned.operator, newcomer.agency, TODAY) == []


async def test_who_returns_after_a_removal_has_the_keys_to_what_it_wrote(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await add(provisioned.operator, joining)
    before = provisioned.env_of(newcomer)
    await remove(provisioned.operator, newcomer.agency, TODAY)
    assert not provisioned.operator.env_file_of(newcomer).exists()

    await add(provisioned.operator, joining)

    assert provisioned.env_of(newcomer) == before
    await provisioned.announce(newcomer, provisioned.fact_topic(newcomer))
    await (await asyncpg.connect(provisioned.database_url(newcomer))).close()


async def test_two_runs_at_once_make_one_set_of_secrets(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId
) -> None:
    await asyncio.gather(*(add(provisioned.operator, joining) for _ in range(3)))
    await provisioned.announce(newcomer, provisioned.fact_topic(newcomer))
    await (await asyncpg.connect(provisioned.database_url(newcomer))).close()


async def test_the_command_says_what_changed_and_what_people_must_sign(
    provisioned: Provisioned, joining: Joining, newcomer: DeploymentId, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(provisioned.operator.state_dir), "--on", str(TODAY), "--language", "en"]
    new = ["--name", joining.name, "--region", joining.region, "--service", "programs", "--legal-basis", "uu-13-2011"]

    first = await _tuntas(capsys, "add", joining.code, *new, *state)
    again = await _tuntas(capsys, "add", joining.code, *state)
    suspended = await _tuntas(capsys, "suspend", joining.code, *state)
    removed = await _tuntas(capsys, "remove", joining.code, *state)

    assert f"{newcomer} reacts from now" in first
    assert "impact assessment" in first
    assert f"tuntas serve programs --agency {joining.code}" in first
    assert "nothing was changed" in again
    assert f"taken: WRITE on topic {provisioned.fact_topic(newcomer)}" in suspended
    assert "DROP DATABASE" in removed


async def _tuntas(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `tuntas agency` prints. The command has a loop of its own, hence a thread of its own."""
    await asyncio.to_thread(app, list(arguments), result_action="return_value")
    return capsys.readouterr().out


def _people_of(provisioned: Provisioned, agency: str) -> list[Person]:
    assert provisioned.operator.issuer_file is not None
    return [person for person in PeopleFile(provisioned.operator.issuer_file).people() if person.agency == agency]
