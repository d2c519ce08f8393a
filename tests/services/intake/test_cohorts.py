"""Closed lists: every row counts as it came; afterwards each is held against the register."""

from __future__ import annotations

from typing import Any

from services.intake.checks import CHECKS
from shared.events.fields import CohortOutcome
from shared.events.intake import CohortClosed, CohortEntryResolved, HouseholdRegistered
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import (
    COHORT_HEADER,
    KELURAHAN,
    csv_of,
    household,
    intake,
    member,
    row,
    send,
    work_through,
)

LIST = {"kind": "cohort", "cohort": "P3KE-9000", "received_on": "2022-12-05"}


def listed(*rows: dict[str, str]) -> bytes:
    return csv_of(rows, COHORT_HEADER)


async def outcomes(city: TestDeployment) -> list[tuple[CohortOutcome, list[str]]]:
    return [(each.outcome, each.reasons) for each in await city.announced(CohortEntryResolved)]


async def test_the_baseline_stands_before_anything_is_checked(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    rows = [row(1, 1), row(1, 2, nik="6.47E+15"), row(2, 3, kode_wilayah="6472060004"), row(2, 1)]
    answer = await send(city.client(Role.OPERATOR), listed(*rows), **LIST)
    assert answer.status_code == 202
    (closed,) = await city.announced(CohortClosed)
    assert (closed.code, closed.baseline_persons, closed.baseline_families) == ("P3KE-9000", 4, 2)
    assert str(closed.received_on) == "2022-12-05"
    assert {each.region: each.persons for each in closed.by_region} == {KELURAHAN: 3, "64.72": 1}
    assert await city.announced_names() == ["CohortClosed"]
    entries = await city.fetch("select outcome, row_number from cohort_entry order by row_number")
    assert [(each.outcome, each.row_number) for each in entries] == [(None, 2), (None, 3), (None, 4), (None, 5)]


async def test_each_entry_is_resolved_against_the_register(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [
        row(1, 1),
        row(1, 2, padan_dukcapil="2"),
        row(1, 3, nik="6.47E+15"),
        row(2, 4),
        row(2, 1, nama="Orang Lain"),
        row(3, 5),
    ]
    await work_through(city, operator, csv_of(rows[:5]))
    await work_through(city, operator, listed(*rows), **LIST)
    assert await outcomes(city) == [
        (CohortOutcome.MEMBER, []),
        (CohortOutcome.UNMATCHED, ["civil-registry-no-match"]),
        (CohortOutcome.DAMAGED, ["nik-scientific-notation"]),
        (CohortOutcome.MEMBER, []),
        (CohortOutcome.DUPLICATE, ["earlier-on-the-list"]),
        (CohortOutcome.UNMATCHED, ["not-in-register"]),
    ]
    first, second = [fact.household_id for fact in await city.announced(HouseholdRegistered)]
    resolved = await city.announced(CohortEntryResolved)
    assert [each.household_id for each in resolved] == [first, first, first, second, second, None]
    assert [each.member_id is not None for each in resolved] == [True, True, False, True, False, False]
    said = await city.fetch("select dukcapil from member order by id")
    assert [each.dukcapil for each in said] == ["match", "no-match", "match"]
    shown = (await operator.get("/api/v1/cohorts/P3KE-9000")).json()
    assert shown["outcomes"] == {"damaged": 1, "duplicate": 1, "member": 2, "unmatched": 2}
    assert sum(shown["outcomes"].values()) == shown["baseline_persons"]
    async with city.session() as session:
        assert [found for check in CHECKS for found in await check(session)] == []


async def test_a_row_held_in_the_register_is_a_duplicate_on_the_list(deployment_of: DeploymentFactory) -> None:
    """The list has the person once; the register has them in another household."""
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    await work_through(city, operator, csv_of([row(1, 1), row(2, 2), row(2, 1, nama="Orang Lain")]))
    await work_through(city, operator, listed(row(2, 2), row(2, 1, nama="Orang Lain")), **LIST)
    assert await outcomes(city) == [
        (CohortOutcome.MEMBER, []),
        (CohortOutcome.DUPLICATE, ["held-in-register"]),
    ]


async def test_entries_that_came_before_the_register_are_resolved_when_it_comes(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [row(1, 1), row(1, 2, padan_dukcapil="2"), row(1, 3, nik="6.47E+15")]
    await work_through(city, operator, listed(*rows), **LIST)
    before = await city.announced(CohortEntryResolved)
    assert [each.outcome.value for each in before] == ["unmatched", "unmatched", "damaged"]
    assert {each.household_id for each in before} == {None}
    await work_through(city, operator, csv_of(rows))
    after = (await city.announced(CohortEntryResolved))[3:]
    (fact,) = await city.announced(HouseholdRegistered)
    assert [(each.entry_id, each.outcome.value, each.revision) for each in after] == [
        (before[0].entry_id, "member", 2),
        (before[1].entry_id, "unmatched", 2),
        (before[2].entry_id, "damaged", 2),
    ]
    assert {each.household_id for each in after} == {fact.household_id}
    assert [each.member_id is not None for each in after] == [True, True, False]


async def test_an_entry_waits_also_for_whom_an_officer_registers(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    await work_through(city, city.client(Role.OPERATOR), listed(row(1, 1)), **LIST)
    await city.client(Role.PROPOSER).post("/api/v1/households", json=household(9, member(1)))
    assert [each.outcome.value for each in await city.announced(CohortEntryResolved)] == ["unmatched", "member"]


async def test_the_same_list_twice_changes_nothing_and_another_of_its_name_is_refused(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    first = await work_through(city, operator, listed(row(1, 1)), **LIST)
    before = await city.announced_names()
    again = await send(operator, listed(row(1, 1)), **LIST)
    assert (again.status_code, again.json()["import_id"]) == (200, first["import_id"])
    other = await send(operator, listed(row(1, 1), row(2, 2)), **LIST)
    assert (other.status_code, other.json()["code"]) == (409, "cohort-closed-already")
    assert await city.announced_names() == before


async def test_a_list_across_parts_knows_what_stood_earlier(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50)
    operator = city.client(Role.OPERATOR)
    rows = [row(number, number) for number in range(1, 121)] + [row(121, 1, nama="Orang Lain")]
    await work_through(city, operator, csv_of(rows))
    await work_through(city, operator, listed(*rows), **LIST)
    found = await city.announced(CohortEntryResolved)
    assert len(found) == 121
    assert (found[-1].outcome, found[-1].reasons) == (CohortOutcome.DUPLICATE, ["earlier-on-the-list"])
    # A row whose every neighbour is held has no household; its family has nobody to register.
    assert found[-1].household_id is None


async def test_the_damaged_entries_come_back_as_a_file(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    done = await work_through(city, operator, listed(row(1, 1), row(1, 2, nik="6.47E+15")), **LIST)
    assert (done["rows"], done["registered"], done["rejected"]) == (2, 1, 1)
    text = (await operator.get(f"/api/v1/imports/{done['import_id']}/rejects")).text
    assert "nik-scientific-notation" in text
    assert text.count("\n") == 2


async def test_a_list_needs_its_code_and_a_register_has_none(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    fields: list[dict[str, Any]] = [{"kind": "cohort"}, {"kind": "register", "cohort": "P3KE-9000"}]
    for each in fields:
        answer = await send(operator, listed(row(1, 1)), **each)
        assert (answer.status_code, answer.json()["code"]) == (422, "cohort-code-and-kind")
