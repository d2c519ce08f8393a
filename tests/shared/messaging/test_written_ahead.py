"""What a new subject announces, written down before its transaction: the same rows as announced in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.events.envelope import Event
from shared.events.intake import HouseholdRegistered
from shared.events.verification import VerifiedProfile
from shared.messaging import announce, correlation
from shared.messaging.announcing import announced_so_far, checked, made_and_checked
from shared.messaging.causes import Cause
from shared.messaging.failures import ContractBroken, ProjectionMayNotAct
from shared.messaging.ids import new_id
from shared.messaging.written_ahead import WrittenAhead, announce_written, write_ahead
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, opening

REGION = "64.72.05.1002"
CAUSE = Cause(uuid4(), uuid4())


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> TestDeployment:
    return await deployment_of(SERVICE)


def events_of(household: UUID) -> list[Event]:
    profile = VerifiedProfile.from_example().model_copy(update={"household_id": household})
    return [opening(household, REGION), profile, opening(household, REGION)]


def ahead(city: TestDeployment, household: UUID, at: datetime | None = None) -> WrittenAhead:
    announcer = city.deployment.kernel.announcer
    return write_ahead(list(map(checked, events_of(household))), announcer, CAUSE, at or city.clock.now())


async def left(city: TestDeployment, household: UUID) -> list[dict[str, Any]]:
    """The records of a household, without what is another one in every event."""
    rows = await city.fetch("select topic, key, type, headers, payload, event_id from kernel.outbox order by id")
    found = [row._asdict() for row in rows if row.key == str(household).encode()]
    for each in found:
        headers = each["headers"]
        event_id = str(each.pop("event_id"))
        assert headers.pop("ce_id") == event_id
        assert headers.pop("traceparent").split("-")[2] == event_id.replace("-", "")[16:]
        each["subject"] = headers.pop("ce_subject").replace(each.pop("key").decode(), "")
        each["payload"] = each["payload"].replace(str(household).encode(), b"")
    return found


async def last_number(city: TestDeployment, household: UUID) -> int:
    rows = await city.fetch("select key, last_sequence from kernel.announced")
    return {row.key.decode(): int(row.last_sequence) for row in rows}[str(household)]


async def test_what_is_written_ahead_is_what_announcing_writes(city: TestDeployment) -> None:
    announced, written = new_id(), new_id()
    async with city.transaction() as session:
        with correlation(*CAUSE):
            for each in events_of(announced):
                announce(session, each)
        await announce_written(session, [ahead(city, written)])
        assert announced_so_far(session) == 6
    assert await left(city, written) == await left(city, announced) != []
    assert await last_number(city, written) == await last_number(city, announced) == 2


async def test_what_comes_later_is_numbered_after_it(city: TestDeployment) -> None:
    household = new_id()
    async with city.transaction() as session:
        await announce_written(session, [ahead(city, household), ahead(city, new_id())])
        announce(session, opening(household, REGION))
    assert [each["headers"].get("ce_sequence") for each in await left(city, household)] == ["1", None, "2", "3"]
    assert await last_number(city, household) == 3


async def test_a_subject_that_has_announced_before_is_refused_with_all_the_rest(city: TestDeployment) -> None:
    known, new = new_id(), new_id()
    async with city.transaction() as session:
        announce(session, opening(known, REGION))
    with pytest.raises(asyncpg.UniqueViolationError):
        async with city.transaction() as session:
            await announce_written(session, [ahead(city, new), ahead(city, known)])
    assert await left(city, new) == []
    assert await last_number(city, known) == len(await left(city, known)) == 1


async def test_a_projection_says_nothing_this_way_either(city: TestDeployment) -> None:
    async with city.session() as session:
        session.info["projecting"] = True
        with pytest.raises(ProjectionMayNotAct):
            await announce_written(session, [ahead(city, new_id())])


async def test_its_time_is_when_it_was_written_down(city: TestDeployment) -> None:
    household = new_id()
    async with city.transaction() as session:
        await announce_written(session, [ahead(city, household, datetime(2026, 1, 5, 23, 30, tzinfo=UTC))])
    assert {each["headers"]["ce_time"] for each in await left(city, household)} == {"2026-01-05T23:30:00.000Z"}


def test_only_one_subject_with_a_fact_is_written_ahead(city: TestDeployment) -> None:
    announcer, now = city.deployment.kernel.announcer, city.clock.now()
    one, other = map(checked, (opening(new_id(), REGION), opening(new_id(), REGION)))
    for wrong in ([], [one, other], [checked(VerifiedProfile.from_example())]):
        with pytest.raises(ValueError, match="first events of one subject"):
            write_ahead(wrong, announcer, CAUSE, now)


def test_another_services_event_is_refused_where_it_is_written(city: TestDeployment) -> None:
    theirs = checked(HouseholdRegistered.from_example())
    with pytest.raises(ContractBroken, match="announced by intake"):
        write_ahead([theirs], city.deployment.kernel.announcer, CAUSE, city.clock.now())


def test_an_event_made_of_values_is_looked_at_like_any_other() -> None:
    values = HouseholdRegistered.example
    assert made_and_checked(HouseholdRegistered, values) == checked(HouseholdRegistered.from_example())
    with pytest.raises(ContractBroken, match="at region") as raised:
        made_and_checked(HouseholdRegistered, values | {"region": "6472054101900001"})
    assert "6472054101900001" not in str(raised.value)
    with pytest.raises(ContractBroken, match="16-digit"):
        made_and_checked(VerifiedProfile, VerifiedProfile.example | {"income_per_person_rupiah": 6472054101900001})
