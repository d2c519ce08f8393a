"""Hearing: repeated, reordered, missing and poisoned records, through the real code on a real database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.events.intake import HouseholdProfile
from shared.events.verification import VerificationOpened
from shared.messaging import Tombstone, announce, points
from shared.messaging.failures import ConsumerStopped
from shared.messaging.hearing import ReactFrom
from shared.messaging.parking import StoredRecord
from shared.messaging.redrive import NotTheFirst, dismiss, redrive
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, opening, registered, updated


async def effects(city: TestDeployment) -> list[str]:
    return [row.what for row in await city.fetch("select what from test_effect order by ctid")]


def with_headers(record: StoredRecord, **changes: bytes | None) -> StoredRecord:
    headers: dict[str, Any] = {**dict(record.headers), **changes}
    return replace(record, headers=tuple(headers.items()))


@pytest.mark.parametrize("households", [1, 17])
async def test_marks_of_which_none_some_or_all_stand_are_made_and_found_alike(
    city: TestDeployment, households: int
) -> None:
    events = [registered() for _ in range(households)]
    records = [city.record(each) for each in (*events, *(updated(each.household_id, 2) for each in events))]
    for together in (records[: households // 2], records, records):
        await city.hear(*together)
    rows = await city.fetch("select last_sequence, blocked from kernel.heard")
    assert [(row.last_sequence, row.blocked) for row in rows] == [(2, False)] * households
    assert len(await effects(city)) == 2 * households


async def test_second_delivery_changes_nothing(city: TestDeployment) -> None:
    event = registered()
    await city.deliver(event, twice=True)
    assert await effects(city) == ["opened"]
    assert len(await city.announced(VerificationOpened)) == 1


async def test_a_repeated_tail_with_new_offsets_is_passed_over(city: TestDeployment) -> None:
    first = city.record(registered())
    await city.hear(first, replace(first, offset=7))
    assert await effects(city) == ["opened"]
    assert await city.parked() == []


async def test_what_is_announced_is_numbered_without_gaps_per_household(city: TestDeployment) -> None:
    households = [uuid4() for _ in range(3)]
    await city.deliver(*(registered(each) for each in households), twice=False)
    async with city.transaction() as session:
        announce(session, opening(households[0], "64.72.05.1002"))
        announce(session, opening(households[0], "64.72.05.1002"))
    numbers = [(row["ce_subject"], row["ce_sequence"]) for row in await city.announced_headers(VerificationOpened)]
    assert [number for subject, number in numbers if subject.endswith(str(households[0]))] == ["1", "2", "3"]
    assert [number for subject, number in numbers if subject.endswith(str(households[1]))] == ["1"]


async def test_a_gap_is_parked_and_what_follows_waits_until_the_missing_one_comes(city: TestDeployment) -> None:
    household, other = uuid4(), uuid4()
    first, lost, third = [
        city.record(each) for each in (registered(household), updated(household, 2), updated(household, 3))
    ]
    await city.hear(first, third, city.record(registered(other)))
    assert [each.reason for each in await city.parked()] == ["gap"]
    await city.hear(city.record(updated(household, 4)))
    assert [each.reason for each in await city.parked()] == ["gap", "behind"]
    assert await effects(city) == ["opened", "opened"]

    hearing, head = city.deployment.kernel.hearing, (await city.parked())[0]
    assert (await redrive(hearing, head, by="operator-1")).left == 2
    await city.hear(replace(lost, offset=90))
    assert (await redrive(hearing, head, by="operator-1")).handled == 3
    assert await effects(city) == ["opened", "opened", "updated 2", "updated 3", "updated 4"]
    assert await city.parked() == []


async def test_a_gap_is_accepted_only_when_somebody_says_so(city: TestDeployment) -> None:
    household = uuid4()
    first, _, third = [
        city.record(each) for each in (registered(household), updated(household, 2), updated(household, 3))
    ]
    await city.hear(first, third, city.record(updated(household, 4)))
    hearing, head = city.deployment.kernel.hearing, (await city.parked())[0]
    assert (await redrive(hearing, head, by="operator-1")).stopped_by == "gap"
    assert (await redrive(hearing, head, by="operator-1", accept_gap=True)).left == 0
    assert await effects(city) == ["opened", "updated 3", "updated 4"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"value": b"{broken"}, "value-not-json"),
        ({"value": b'{"household_id": 7}'}, "value-misshapen"),
        ({"value": b"\xff\xfe"}, "value-not-json"),
        ({"value": b"[]"}, "value-misshapen"),
        ({"value": b"x" * 300_000}, "too-large"),
        ({"value": None}, "value-missing"),
        ({"key": None}, "key-missing"),
        ({"key": b"another"}, "key-wrong"),
        ({"key": b"k" * 9_000}, "key-wrong"),
        ({"key": b"6472054101900001"}, "key-wrong"),
        ({"key": b"0192f1d0-7c11-7a10-8a00-0000000000ff"}, "subject-disagrees"),
        ({"headers": ()}, "header-missing"),
    ],
)
async def test_a_record_that_can_never_work_is_parked_at_once(
    city: TestDeployment, changes: dict[str, Any], reason: str
) -> None:
    bad = replace(city.record(registered()), **changes)
    await city.hear(bad, city.record(registered()))
    assert [each.reason for each in await city.parked()] == [reason]
    assert await effects(city) == ["opened"]


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("ce_type", b"id.tuntas.comet.seen.v1", "type-unknown"),
        ("ce_type", b"id.tuntas.household.verified.v1", "type-forged"),
        ("ce_source", b"/agencies/pupr-samarinda/intake", "source-forged"),
        ("ce_id", None, "header-not-text"),
        ("ce_time", b"\xff\x00\xfe", "header-not-text"),
        ("ce_subject", b"household/\x00", "header-not-text"),
        ("ce_time", b"yesterday", "header-wrong"),
        ("ce_id", b"7", "header-wrong"),
        ("ce_sequence", b"-1", "header-wrong"),
    ],
)
async def test_a_bad_header_parks_its_record_and_nothing_else(
    city: TestDeployment, header: str, value: bytes | None, reason: str
) -> None:
    many = [city.record(registered()) for _ in range(20)]
    many[10] = with_headers(many[10], **{header: value})
    await city.hear(*many)
    assert [each.reason for each in await city.parked()] == [reason]
    assert len(await effects(city)) == 19


async def test_a_newer_version_of_a_known_event_is_passed_over(city: TestDeployment) -> None:
    household = uuid4()
    newer = with_headers(city.record(registered(household)), ce_type=b"id.tuntas.household.registered.v2")
    await city.hear(newer, city.record(registered(household)))
    assert await effects(city) == ["opened"]
    assert await city.parked() == []


async def test_a_region_without_authority_is_parked(city: TestDeployment) -> None:
    await city.hear(city.record(registered(region="64.71.01.1001")))
    assert [each.reason for each in await city.parked()] == ["unauthorised"]


async def test_a_failing_handler_costs_only_its_record_and_redrive_mends_it(city: TestDeployment) -> None:
    household = uuid4()
    records = [city.record(registered()) for _ in range(3)]
    records.insert(1, city.record(registered(household, registers=("breaks",))))
    records.append(city.record(updated(household, 2)))
    await city.hear(*records)
    parked = await city.parked()
    assert [each.reason for each in parked] == ["handler-failed", "behind"]
    assert "6472010101010001" not in str(parked)
    assert len(await effects(city)) == 3

    hearing = city.deployment.kernel.hearing
    assert (await redrive(hearing, parked[0], by="operator-1")).stopped_by == "handler-failed"
    async with city.transaction() as session:
        await session.execute(text("create table test_mended ()"))
    assert (await redrive(hearing, parked[0], by="operator-1")).handled == 2
    assert (await effects(city))[-2:] == ["opened", "updated 2"]
    await city.hear(*records)
    assert len(await effects(city)) == 5


async def test_a_dismissed_record_lets_the_next_go_on(city: TestDeployment) -> None:
    household = uuid4()
    bad = replace(city.record(registered(household)), value=b"{broken")
    await city.hear(bad, city.record(updated(household, 2)))
    head = (await city.parked())[0]
    with pytest.raises(ValueError, match="named person"):
        await dismiss(city.deployment.kernel.hearing, head, by=" ", reason="")
    await dismiss(city.deployment.kernel.hearing, head, by="operator-1", reason="announced again by hand")
    assert await effects(city) == ["updated 2"]
    await city.hear(bad)
    assert await city.parked() == []
    row = (await city.fetch("select state, settled_by, settled_reason from kernel.parked where id = :id", id=head.id))[
        0
    ]
    assert tuple(row) == ("dismissed", "operator-1", "announced again by hand")


async def test_only_the_first_that_waits_can_be_dismissed(city: TestDeployment) -> None:
    household = uuid4()
    bad = replace(city.record(registered(household)), value=b"{broken")
    await city.hear(bad, city.record(updated(household, 2)), city.record(updated(household, 3)))
    hearing, (head, _, last) = city.deployment.kernel.hearing, sorted(await city.parked(), key=lambda row: row.offset)
    with pytest.raises(NotTheFirst, match=str(head.id)):
        await dismiss(hearing, last, by="operator-1", reason="a mistake")
    assert len(await city.parked()) == 3
    await dismiss(hearing, head, by="operator-1", reason="announced again by hand")
    assert await effects(city) == ["updated 2", "updated 3"]
    with pytest.raises(NotTheFirst, match="waits any more"):
        await dismiss(hearing, last, by="operator-1", reason="a second click")


async def test_a_command_reacts_to_no_past_either(city: TestDeployment) -> None:
    past = replace(city.record(registered(registers=("breaks",))), offset=5)
    await city.hear(past)
    async with city.transaction() as session:
        await session.execute(text("create table test_mended ()"))
        row = {"topic": past.topic}
        await session.execute(text("insert into kernel.react_from values (:topic, 0, 6)"), row)
    hearing, head = city.deployment.kernel.hearing, (await city.parked())[0]
    hearing.react_from = ReactFrom()  # as in a process that serves nothing
    assert (await redrive(hearing, head, by="operator-1")).handled == 1
    assert await effects(city) == []
    assert len(await city.fetch("select * from test_household")) == 1


async def test_a_value_that_the_database_cannot_take_is_a_bug_and_is_parked(city: TestDeployment) -> None:
    await city.hear(city.record(registered(registers=("overflows",))), city.record(registered()))
    assert [each.reason for each in await city.parked()] == ["handler-failed"]
    assert await effects(city) == ["opened"]


async def test_one_that_fails_among_many_is_soon_alone(city: TestDeployment) -> None:
    """Whoever shares a batch with it waits for a dozen transactions, not for one each."""
    records = [city.record(registered()) for _ in range(64)]
    records[21] = city.record(registered(registers=("breaks",)))
    commits: list[points.Point] = []
    points.listen(commits.append)
    try:
        await city.hear(*records)
    finally:
        points.listen(None)
    assert [each.reason for each in await city.parked()] == ["handler-failed"]
    assert await effects(city) == ["opened"] * 63
    assert commits.count("after-database-commit") == 6 + 1


async def test_a_strange_key_is_remembered_by_a_digest_only(city: TestDeployment) -> None:
    await city.hear(replace(city.record(registered()), key=b"6472054101900001"))
    rows = await city.fetch("select key from kernel.heard union all select key from kernel.parked")
    assert {bytes(row.key)[:8] for row in rows} == {b"strange:"}
    assert "6472054101900001" not in str(await city.parked())


@pytest.mark.parametrize(
    "key",
    [
        b"{{0192f1d07c117a108a000000000000f1}}", b"  0192f1d07c117a108a000000000000f1  ", b'"quoted"', b"back\\slash",
        b"nul\x00", b"\xff\xfe", b"null", b"", b",", None,
    ],
)  # fmt: skip
async def test_whatever_a_stranger_calls_a_key_is_parked_and_holds_up_nobody(
    city: TestDeployment, key: bytes | None
) -> None:
    strange = replace(city.record(registered()), key=key)
    await city.hear(strange, city.record(registered()))
    await city.hear(strange)
    assert len(await city.parked()) == 1
    assert len(await city.fetch("select * from kernel.heard where blocked")) == 1
    assert await effects(city) == ["opened"]


async def test_parked_bytes_are_encrypted(city: TestDeployment) -> None:
    await city.hear(replace(city.record(registered()), value=b'{"nik": "6472054101900001"'))
    row = (await city.fetch("select record, detail::text as detail from kernel.parked"))[0]
    assert b"6472054101900001" not in row.record
    assert b"6472054101900001".hex().encode() not in row.record
    assert "6472054101900001" not in row.detail


async def test_too_many_failures_in_a_row_stop_the_consumer(deployment_of: DeploymentFactory) -> None:
    city = await deployment_of(SERVICE, parked_in_a_row_max=3)  # its tables are missing: every handler fails
    with pytest.raises(ConsumerStopped):
        await city.hear(*(city.record(registered()) for _ in range(10)))
    assert len(await city.parked()) == 3


async def test_a_projection_may_not_announce(city: TestDeployment) -> None:
    household = uuid4()
    await city.deliver(registered(household))
    await city.hear(city.record(updated(household, 2, reason="acts")))
    parked = (await city.parked())[0]
    assert (parked.reason, parked.detail["error"]) == ("handler-failed", "ProjectionMayNotAct")


async def test_the_past_is_projected_and_not_reacted_to(city: TestDeployment) -> None:
    past, present = city.record(registered()), city.record(registered())
    city.deployment.kernel.hearing.react_from = ReactFrom({(past.topic, 0): present.offset})
    await city.hear(past, present)
    assert await effects(city) == ["opened"]
    assert len(await city.fetch("select * from test_household")) == 2


async def test_profiles_are_judged_by_offset_and_a_tombstone_erases(city: TestDeployment) -> None:
    profile = HouseholdProfile.from_example()
    first = city.record(profile)
    erased = city.record(Tombstone(household_id=profile.household_id), profile=HouseholdProfile)
    await city.hear(first, erased)
    await city.hear(first, erased)
    assert await effects(city) == ["profile 1", "erased"]


async def test_one_correlation_runs_through_event_announcement_and_timer(city: TestDeployment) -> None:
    correlation = uuid4()
    await city.deliver(registered(), correlation_id=correlation)
    headers = (await city.announced_headers(VerificationOpened))[0]
    assert headers["ce_correlationid"] == str(correlation)
    assert headers["ce_causationid"]
    assert [row.correlation_id for row in await city.fetch("select correlation_id from kernel.due")] == [correlation]
    assert await city.run_due() == 1
    assert await effects(city) == ["opened", "looked"]
