"""What is announced: checked where it is said, kept with what it tells or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event
from shared.events.intake import HouseholdProfile, HouseholdRegistered
from shared.events.verification import VerificationOpened, VerifiedProfile
from shared.messaging import announce, cancel_due, erase_profile, schedule
from shared.messaging.failures import ContractBroken
from shared.messaging.timers import list_given_up, retry_given_up
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, TABLES, opening


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> TestDeployment:
    deployment = await deployment_of(SERVICE)
    async with deployment.transaction() as session:
        for statement in TABLES:
            await session.execute(text(statement))
    return deployment


async def test_nothing_is_announced_when_the_transaction_fails(city: TestDeployment) -> None:
    with pytest.raises(ZeroDivisionError):
        await announce_and_fail(city)
    assert await city.announced_names() == []
    assert await city.fetch("select * from kernel.announced") == []


async def announce_and_fail(city: TestDeployment) -> None:
    async with city.transaction() as session:
        announce(session, opening(uuid4(), "64.72.05.1002"))
        raise ZeroDivisionError


async def test_another_services_event_is_refused_where_it_is_said(city: TestDeployment) -> None:
    async with city.session() as session:
        with pytest.raises(ContractBroken, match="announced by intake"):
            announce(session, HouseholdRegistered.from_example())


async def test_a_broken_contract_names_the_place_and_not_the_value(city: TestDeployment) -> None:
    broken = VerificationOpened.model_construct(
        case_id=uuid4(), household_id=uuid4(), region="6472054101900001", round=1, reason="cohort"
    )
    async with city.session() as session:
        with pytest.raises(ContractBroken, match="region") as raised:
            announce(session, broken)
    assert "6472054101900001" not in str(raised.value)


async def test_an_id_number_never_leaves(city: TestDeployment) -> None:
    profile = VerifiedProfile.from_example().model_copy(update={"income_per_person_rupiah": 6472054101900001})
    async with city.session() as session:
        with pytest.raises(ContractBroken, match="16-digit"):
            announce(session, profile)


async def test_an_event_that_is_too_large_is_refused(city: TestDeployment) -> None:
    profile = VerifiedProfile.from_example()
    large = profile.model_copy(update={"members": list(profile.members) * 3_000})
    async with city.session() as session:
        with pytest.raises(ContractBroken, match="bytes"):
            announce(session, large)


async def test_profiles_are_not_numbered_and_a_tombstone_has_no_value(city: TestDeployment) -> None:
    profile = VerifiedProfile.from_example()
    async with city.transaction() as session:
        announce(session, profile)
        erase_profile(session, VerifiedProfile, profile.household_id)
        with pytest.raises(ContractBroken):
            erase_profile(session, HouseholdProfile, profile.household_id)
    headers = await city.announced_headers(VerifiedProfile)
    assert ["ce_sequence" in each for each in headers] == [False, False]
    payloads = [row.payload for row in await city.fetch("select payload from kernel.outbox order by id")]
    assert payloads[0] is not None
    assert payloads[1] is None


async def test_numbers_go_on_whatever_else_is_said_of_a_household(city: TestDeployment) -> None:
    household, other = uuid4(), uuid4()
    profile = VerifiedProfile.from_example().model_copy(update={"household_id": household})
    for _transaction in range(2):
        async with city.transaction() as session:
            announce(session, profile)
            announce(session, opening(household, "64.72.05.1002"))
            announce(session, opening(other, "64.72.05.1002"))
            announce(session, profile)
            announce(session, opening(household, "64.72.05.1002"))
    rows = await city.fetch("select key, headers from kernel.outbox order by id")
    said = [(row.key.decode(), row.headers.get("ce_sequence")) for row in rows]
    mine, its = str(household), str(other)
    assert said == [
        *((mine, None), (mine, "1"), (its, "1"), (mine, None), (mine, "2")),
        *((mine, None), (mine, "3"), (its, "2"), (mine, None), (mine, "4")),
    ]


@pytest.mark.parametrize("events", [3, 300])
async def test_few_and_many_are_written_alike_and_in_order(city: TestDeployment, events: int) -> None:
    """Many go by COPY, which numbers its rows in their order, too."""
    households = [uuid4() for _ in range(events // 3)]
    async with city.transaction() as session:
        for _ in range(3):
            for each in households:
                announce(session, opening(each, "64.72.05.1002"))
        erase_profile(session, VerifiedProfile, households[0])
    *rows, tombstone = await city.fetch(
        "select key, payload, event_id, headers, jsonb_typeof(headers) as kind from kernel.outbox order by id"
    )
    assert [row.key.decode() for row in rows] == [str(each) for each in households] * 3
    assert [row.headers["ce_sequence"] for row in rows] == [each for each in "123" for _ in households]
    assert all(row.headers["ce_id"] == str(row.event_id) and row.kind == "object" for row in rows)
    assert all(VerificationOpened.model_validate_json(row.payload).region == "64.72.05.1002" for row in rows)
    assert tombstone.payload is None
    assert all(row.headers.keys() == _HEADERS | {"ce_sequence"} for row in rows)
    assert tombstone.headers.keys() == _HEADERS


async def test_what_falls_due_waits_for_business_time_and_happens_once(city: TestDeployment) -> None:
    key, now = str(uuid4()), city.clock.now()
    async with city.transaction() as session:
        await schedule(session, "look-again", now + timedelta(days=14), key)
    assert await city.run_due() == 0
    city.clock.move(days=15)
    assert await city.run_due() == 1
    assert await city.run_due() == 0


async def test_scheduling_again_moves_and_cancelling_removes(city: TestDeployment) -> None:
    key = str(uuid4())
    async with city.transaction() as session:
        await schedule(session, "look-again", city.clock.now(), key)
        await schedule(session, "look-again", city.clock.now() + timedelta(days=1), key)
    assert await city.run_due() == 0
    async with city.transaction() as session:
        assert await cancel_due(session, "look-again", key)
        assert not await cancel_due(session, "look-again", key)
    city.clock.move(days=2)
    assert await city.run_due() == 0


async def test_a_naive_moment_is_refused(city: TestDeployment) -> None:
    async with city.session() as session:
        with pytest.raises(ValueError, match="aware"):
            await schedule(session, "look-again", datetime(2022, 12, 5), str(uuid4()))  # noqa: DTZ001 - the point


async def test_a_failing_timer_waits_longer_each_time_and_is_given_up_visibly(city: TestDeployment) -> None:
    async with city.transaction() as session:
        await schedule(session, "look-again", city.clock.now(), "no uuid")
    for attempt in range(1, 9):
        assert await city.run_due() == 1
        row = (await city.fetch("select attempts, failed_at, failure from kernel.due"))[0]
        assert row.attempts == attempt
        assert row.failure.startswith("ValueError at")
        city.clock.move(minutes=11)
    assert row.failed_at is not None
    assert await city.run_due() == 0
    async with city.transaction() as session:
        assert [(each.kind, each.key, each.attempts) for each in await list_given_up(session)] == [
            ("look-again", "no uuid", 8)
        ]
        assert await retry_given_up(session, "look-again", "no uuid")
        assert not await retry_given_up(session, "look-again", "another")
    assert await city.run_due() == 1


async def test_time_of_an_event_is_business_time(city: TestDeployment) -> None:
    city.clock.move_to(datetime(2023, 9, 16, 3, 0, tzinfo=UTC))
    async with city.transaction() as session:
        announce(session, opening(uuid4(), "64.72.05.1002"))
    assert (await city.announced_headers(VerificationOpened))[0]["ce_time"] == "2023-09-16T03:00:00.000Z"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.type)
def test_a_subject_ends_with_its_key(contract: type[Event]) -> None:
    """The kernel reads the key of a record off its subject."""
    event = contract.from_example()
    assert event.subject.rpartition("/")[2] == str(event.subject_id)


_HEADERS = {
    "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_dataschema", "ce_correlationid",
    "content-type", "traceparent",
}  # fmt: skip
