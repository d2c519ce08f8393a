"""Parts that are drafted in other processes: the same register as without them, and no part lost with a process."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.intake import draft_ahead
from services.intake.checks import CHECKS
from services.intake.draft_ahead import PARTS_AHEAD, Task, draft_ahead_of
from services.intake.drafts import Draft
from shared.events.intake import (
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    RegisterSnapshotImported,
)
from shared.messaging.announcing import Announcer
from shared.security import Role, Vault
from tests.fixtures import eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import csv_of, intake, row, send, work_through

FAMILIES = 160


def rows_of_a_file() -> list[dict[str, str]]:
    """Families of two, with what real files have: damage, no number, and a number, a card and a row that come twice."""
    rows: list[dict[str, str]] = []
    for family in range(FAMILIES):
        changes: dict[str, str] = {"nama": "Nur\\Aini, \u00e9"} if family % 20 == 3 else {}
        rows += [row(family, 2 * family, **changes), row(family, 2 * family + 1, status_hubungan_keluarga="2")]
    rows[17] = {**rows[17], "nik": "6.47E+15"}
    rows[101] = {**rows[101], "nik": rows[60]["nik"]}
    rows[203] = {**rows[203], "nik": "", "alasan_tanpa_nik": "1"}
    rows.append(row(FAMILIES, 2 * FAMILIES, nomor_kartu_keluarga=rows[-1]["nomor_kartu_keluarga"]))
    rows.append({**rows[0], "no_urut": "999"})
    return rows


async def of_register(city: TestDeployment) -> Any:
    """All that a file leaves, without what is made by chance."""
    return [
        [tuple(found) for found in await city.fetch(query)]
        for query in (
            "select region, registers, decile, housing, state, revision from household order by region, decile, id",
            "select nik_index, row_digest, sex, relation, works, warnings, name_index from member order by row_digest",
            "select kk_index, valid_from from family_card order by kk_index",
            "select numbering, reference from household_reference order by reference",
            "select row_number, nik_index, reasons from held_row order by row_number",
            "select row_number, reasons from import_reject order by row_number",
            "select rows, registered, households, known, held, rejected, warned from import",
        )
    ]


async def said(city: TestDeployment) -> list[int]:
    registered = await city.announced(HouseholdRegistered)
    profiles = await city.announced(HouseholdProfile)
    assert {fact.household_id for fact in registered} <= {profile.household_id for profile in profiles}
    members = {member for fact in registered for member in fact.members}
    stored = {found.id for found in await city.fetch("select id from member")}
    assert members <= stored
    updated, suspected = await city.announced(HouseholdUpdated), await city.announced(DuplicateSuspected)
    sizes = [*(fact.persons for fact in registered), *(fact.persons for fact in updated)]
    return [*sorted(sizes), len(profiles), len(suspected)]


async def test_drafting_in_processes_leaves_what_drafting_in_place_leaves(deployment_of: DeploymentFactory) -> None:
    left = []
    for processes in (0, 2):
        city = await intake(deployment_of, import_part_rows_max=50, import_processes=processes)
        done = await work_through(city, city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
        assert (done["state"], done["rejected"], done["held"], done["known"]) == ("done", 2, 2, 0)
        async with city.session() as session:
            assert [found for check in CHECKS for found in await check(session)] == []
        left.append((await of_register(city), await said(city)))
        assert bool(draft_ahead_of(city.deployment).processes) == bool(processes)
    assert left[0] == left[1]


async def test_parts_whose_process_is_killed_are_drafted_in_place(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=1)
    await send(city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
    await city.run_due(limit=1)
    ahead = draft_ahead_of(city.deployment)
    (child,) = ahead.processes
    os.kill(child, signal.SIGSTOP)
    # Of what is begun from here on nothing can be finished.
    ahead._begun.clear()
    await city.run_due(limit=1)
    assert len(ahead._begun) == PARTS_AHEAD
    os.kill(child, signal.SIGKILL)
    await city.run_due()
    assert ahead.processes == []
    (done,) = await city.fetch("select state, rows, registered + known + held + rejected as told from import")
    assert (done.state, done.rows) == ("done", done.told)
    async with city.session() as session:
        assert [found for check in CHECKS for found in await check(session)] == []


async def test_what_is_drafted_beside_is_announced_in_the_course_of_the_file(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place, drafted = list[int](), draft_ahead._draft

    def draft(vault: Vault, announcer: Announcer, task: Task, now: datetime) -> list[Draft]:
        in_place.append(task.part.number)
        return drafted(vault, announcer, task, now)

    monkeypatch.setattr(draft_ahead, "_draft", draft)
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=1)
    await work_through(city, city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
    assert in_place == [0]
    causes = {each["ce_correlationid"] for each in await city.announced_headers(HouseholdRegistered)}
    assert causes == {each["ce_correlationid"] for each in await city.announced_headers(RegisterSnapshotImported)}
    assert len(causes) == 1


@pytest.mark.parametrize("parts_before", [0, 1])
async def test_a_file_whose_part_is_gone_is_not_taken_for_whole(
    deployment_of: DeploymentFactory, parts_before: int
) -> None:
    """Neither where nobody has read the part yet, nor where it was begun with and is remembered."""
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=1)
    sent = (await send(city.client(Role.OPERATOR), csv_of(rows_of_a_file()))).json()
    for _ in range(parts_before):
        await city.run_due(limit=1)
    assert (1 in draft_ahead_of(city.deployment).parts_of(UUID(sent["import_id"]))) == bool(parts_before)
    async with city.session() as session:
        await session.execute(text("delete from import_part where number = 1"))
        await session.commit()
    await city.run_due()
    (left,) = await city.fetch("select state, parts_done from import")
    assert (left.state, left.parts_done) == ("working", 1)


async def test_a_file_goes_on_where_no_process_can_be_started(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(draft_ahead, "_start", refuse)
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=2)
    done = await work_through(city, city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
    assert done["state"] == "done"
    assert draft_ahead_of(city.deployment).processes == []


async def test_processes_end_with_their_deployment(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=2)
    await send(city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
    await city.run_due(limit=1)
    children = draft_ahead_of(city.deployment).processes
    assert 1 <= len(children) <= 2
    await city.deployment.close()
    await eventually(lambda: not any(map(is_alive, children)), within=30, what="the processes gone")


async def test_processes_end_when_no_file_comes(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=1)
    await send(city.client(Role.OPERATOR), csv_of(rows_of_a_file()))
    await city.run_due(limit=1)
    children = draft_ahead_of(city.deployment).processes
    assert len(children) == 1
    monkeypatch.setattr(draft_ahead, "IDLE_SECONDS", 0.05)
    await city.run_due(limit=1)
    await eventually(lambda: not any(map(is_alive, children)), within=30, what="the process gone")
    await city.run_due()
    (done,) = await city.fetch("select state from import")
    assert done.state == "done"


async def test_a_file_of_few_parts_starts_no_process(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50, import_processes=2)
    rows = [row(number, number) for number in range(100)]
    done = await work_through(city, city.client(Role.OPERATOR), csv_of(rows))
    assert done["registered"] == 100
    assert draft_ahead_of(city.deployment).processes == []


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
