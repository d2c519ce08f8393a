"""Held rows: each side is named only to those who may see it, and a person decides."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events.intake import DuplicateResolved, DuplicateSuspected, HouseholdRegistered, HouseholdUpdated
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import COHORT_HEADER, KELURAHAN, OTHER_KELURAHAN, csv_of, intake, row, work_through


async def held(city: TestDeployment) -> dict[str, Any]:
    """Two households of two kecamatan, a row of the second held because of the first."""
    rows = [
        row(1, 1),
        row(1, 2),
        row(2, 3, kode_wilayah=OTHER_KELURAHAN),
        row(2, 2, kode_wilayah=OTHER_KELURAHAN, nama="Orang Lain"),
    ]
    await work_through(city, city.client(Role.OPERATOR), csv_of(rows))
    officer = city.client(Role.PROGRAMME_OFFICER)
    (item,) = (await officer.get("/api/v1/duplicates")).json()["items"]
    assert isinstance(item, dict)
    return item


async def test_both_sides_are_named_to_who_sees_both(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    first, second = await city.announced(HouseholdRegistered)
    assert item["held"] == {"region": OTHER_KELURAHAN, "household_id": str(second.household_id)}
    assert item["other"]["household_id"] == str(first.household_id)
    (suspected,) = await city.announced(DuplicateSuspected)
    assert str(suspected.duplicate_id) == item["duplicate_id"]


@pytest.mark.parametrize(("region", "seen", "hidden"), [("64.72.03", "held", "other"), ("64.72.05", "other", "held")])
async def test_the_other_record_is_not_named_to_who_sees_one_side(
    deployment_of: DeploymentFactory, region: str, seen: str, hidden: str
) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    officer = city.client(Role.PROGRAMME_OFFICER, regions=[region], subject="petugas-2")
    (shown,) = (await officer.get("/api/v1/duplicates")).json()["items"]
    assert shown[seen] == item[seen]
    assert shown[hidden] is None
    answer = await officer.post(
        f"/api/v1/duplicates/{item['duplicate_id']}/resolution", json={"resolution": "same-person"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "region-not-yours")


async def test_who_sees_neither_side_sees_nothing(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    officer = city.client(Role.PROGRAMME_OFFICER, regions=["64.72.01"], subject="petugas-2")
    assert (await officer.get("/api/v1/duplicates")).json()["items"] == []
    assert (await officer.get(f"/api/v1/duplicates/{item['duplicate_id']}")).status_code == 404


async def test_the_same_person_stays_where_they_are(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    officer = city.client(Role.PROGRAMME_OFFICER)
    path = f"/api/v1/duplicates/{item['duplicate_id']}/resolution"
    answer = await officer.post(path, json={"resolution": "same-person"})
    assert answer.status_code == 201
    (resolved,) = await city.announced(DuplicateResolved)
    assert (str(resolved.duplicate_id), resolved.resolution) == (item["duplicate_id"], "same-person")
    assert await city.announced(HouseholdUpdated) == []
    again = await officer.post(path, json={"resolution": "moved-here"})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate-resolved")


async def test_a_person_who_moved_leaves_one_household_and_joins_the_other(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    answer = await city.client(Role.PROGRAMME_OFFICER).post(
        f"/api/v1/duplicates/{item['duplicate_id']}/resolution", json={"resolution": "moved-here"}
    )
    assert answer.status_code == 201, answer.text
    left, joined = await city.announced(HouseholdUpdated)
    assert (str(left.household_id), left.persons, left.reason) == (item["other"]["household_id"], 1, "member-left")
    assert (str(joined.household_id), joined.persons, joined.reason) == (
        item["held"]["household_id"], 2, "member-joined",
    )  # fmt: skip


async def test_different_people_both_stand_in_the_register_one_of_them_without_the_number(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    answer = await city.client(Role.PROGRAMME_OFFICER).post(
        f"/api/v1/duplicates/{item['duplicate_id']}/resolution", json={"resolution": "different-people"}
    )
    assert answer.status_code == 201, answer.text
    (joined,) = await city.announced(HouseholdUpdated)
    assert (str(joined.household_id), joined.persons) == (item["held"]["household_id"], 2)
    members = await city.fetch(
        "select nik_index, no_nik_reason from member where state = 'active' and nik_index is null"
    )
    assert [each.no_nik_reason for each in members] == ["not-recorded-yet"]


async def test_a_list_of_questions_is_answered_at_once(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    item = await held(city)
    officer = city.client(Role.PROGRAMME_OFFICER)
    nothing = await officer.post("/api/v1/duplicates/resolutions", json={"resolution": "same-person"})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "duplicates-which")
    answer = await officer.post(
        "/api/v1/duplicates/resolutions", json={"resolution": "same-person", "import_id": item["import_id"]}
    )
    assert answer.json() == {"resolved": 1}
    assert len(await city.announced(DuplicateResolved)) == 1
    assert (await officer.get("/api/v1/duplicates")).json()["items"] == []
    (shown,) = (await officer.get("/api/v1/duplicates", params={"state": "resolved"})).json()["items"]
    assert shown["resolution"] == "same-person"


async def test_the_questions_of_a_closed_list_are_answered_and_no_others(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [row(1, 1), row(2, 2), row(3, 3), row(3, 1, nama="Orang Lain"), row(3, 2, nama="Orang Ketiga")]
    await work_through(city, operator, csv_of(rows))
    listed = csv_of([rows[0], rows[2], rows[3]], COHORT_HEADER)
    await work_through(city, operator, listed, kind="cohort", cohort="P3KE-9000")
    officer = city.client(Role.PROGRAMME_OFFICER)
    body = {"resolution": "same-person", "cohort": "P3KE-9000"}
    assert (await officer.post("/api/v1/duplicates/resolutions", json=body)).json() == {"resolved": 1}
    (left,) = (await officer.get("/api/v1/duplicates")).json()["items"]
    assert left["row"] == 6


async def test_a_family_whose_every_row_is_held_has_no_household(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    rows = [row(1, 1), row(2, 1, nama="Orang Lain", kode_wilayah=KELURAHAN)]
    done = await work_through(city, city.client(Role.OPERATOR), csv_of(rows))
    assert (done["households"], done["held"]) == (1, 1)
    (suspected,) = await city.announced(DuplicateSuspected)
    (fact,) = await city.announced(HouseholdRegistered)
    assert suspected.household_id == fact.household_id
    officer = city.client(Role.PROGRAMME_OFFICER)
    (item,) = (await officer.get("/api/v1/duplicates")).json()["items"]
    answer = await officer.post(
        f"/api/v1/duplicates/{item['duplicate_id']}/resolution", json={"resolution": "moved-here"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate-without-household")
