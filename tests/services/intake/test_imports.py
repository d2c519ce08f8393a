"""Files of a register: accepted whole, worked through in parts, refused rows handed back, nothing twice."""

from __future__ import annotations

import csv
import io
import tracemalloc
from uuid import UUID

import pytest
from sqlalchemy import text

from services.intake.checks import CHECKS
from services.intake.draft_ahead import draft_ahead_of
from services.intake.work_imports import work_next_part
from shared.events.intake import (
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    RegisterSnapshotImported,
)
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import KELURAHAN, REGISTER_HEADER, csv_of, intake, kk, nik, row, send, work_through


async def findings(city: TestDeployment) -> list[object]:
    async with city.session() as session:
        return [finding for check in CHECKS for finding in await check(session)]


async def test_a_profile_says_all_that_a_file_says(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    said = {
        "desil": "2", "partisipasi_sekolah": "2", "status_pekerjaan": "1", "penyandang_disabilitas": "1",
        "ibu_hamil": "2", "status_kepemilikan_rumah": "1", "luas_lantai_m2": "30", "jenis_lantai_terluas": "5",
        "jenis_dinding_terluas": "3", "jenis_atap_terluas": "3", "fasilitas_bab": "2", "sumber_air_minum_utama": "4",
    }  # fmt: skip
    file = csv_of([row(1, 1, **said)], list(dict.fromkeys([*REGISTER_HEADER, *said])))
    await work_through(city, city.client(Role.OPERATOR), file)
    (fact,), (profile,) = await city.announced(HouseholdRegistered), await city.announced(HouseholdProfile)
    assert profile.model_dump(exclude={"household_id"}) == {
        "region": KELURAHAN,
        "revision": 1,
        "decile": 2,
        "members": [
            {
                "member_id": fact.members[0], "sex": "male", "birth_year": 1980, "relation": "head", "at_school": True,
                "works": True, "disability": True, "pregnant": False,
            }
        ],
        "housing": {
            "tenure": "own", "floor": "wood", "wall": "wood-board-gypsum-grc", "roof": "zinc", "floor_area_m2": 30,
            "toilet": "shared", "water": "bore-pump",
        },
    }  # fmt: skip


async def test_a_file_becomes_households_with_facts_and_profiles(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [row(1, 1), row(1, 2, status_hubungan_keluarga="2", jenis_kelamin="P"), row(2, 3)]
    done = await work_through(city, operator, csv_of(rows))
    counts = {name: done[name] for name in ("state", "percent", "rows", "registered", "known", "held", "rejected")}
    assert counts == {
        "state": "done", "percent": 100, "rows": 3, "registered": 3, "known": 0, "held": 0, "rejected": 0,
    }  # fmt: skip
    assert [fact.persons for fact in await city.announced(HouseholdRegistered)] == [2, 1]
    assert [[each.sex for each in fact.members] for fact in await city.announced(HouseholdProfile)] == [
        ["male", "female"],
        ["male"],
    ]
    (end,) = await city.announced(RegisterSnapshotImported)
    assert (end.rows, end.persons, end.households, end.rejected, end.held) == (3, 3, 2, 0, 0)
    assert await findings(city) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nik": "6.47E+15"}, "nik-scientific-notation"),
        ({"nik": "6472O51705809001"}, "nik-not-digits"),
        ({"nik": ""}, "nik-missing"),
        ({"nik": "9999999999999999"}, "nik-placeholder"),
        ({"nomor_kartu_keluarga": "6,47205E+15"}, "kk-scientific-notation"),
        ({"nomor_kartu_keluarga": ""}, "kk-missing"),
        ({"nama": " "}, "name-empty"),
        ({"tanggal_lahir": "1987-02-30"}, "birth-date-impossible"),
        ({"kode_wilayah": "64.72.05.1099"}, "region-unknown"),
        ({"kode_wilayah": "6472060004"}, "region-unknown"),
        ({"kode_wilayah": "64.71.01.1001"}, "region-outside"),
    ],
)
async def test_a_damaged_row_comes_back_with_its_reason(
    deployment_of: DeploymentFactory, changes: dict[str, str], code: str
) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    done = await work_through(city, operator, csv_of([row(1, 1), row(1, 2, **changes), row(2, 3)]))
    assert (done["registered"], done["rejected"]) == (2, 1)
    answer = await operator.get(f"/api/v1/imports/{done['import_id']}/rejects")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (refused,) = csv.DictReader(io.StringIO(answer.text))
    assert list(refused) == [*REGISTER_HEADER, "alasan"]
    assert refused["alasan"].startswith(f"{code}: ")
    assert refused | changes == refused


async def test_a_mended_reject_file_completes_the_family(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    done = await work_through(city, operator, csv_of([row(1, 1), row(1, 2, nik="6.47E+15")]))
    rejects = (await operator.get(f"/api/v1/imports/{done['import_id']}/rejects")).text
    again = await work_through(city, operator, rejects.replace("6.47E+15", nik(2)).encode())
    assert (again["registered"], again["households"]) == (1, 0)
    (fact,) = await city.announced(HouseholdUpdated)
    assert (fact.persons, fact.revision, fact.reason) == (2, 2, "member-added")
    assert await findings(city) == []


async def test_wrong_columns_are_named(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    header = [name for name in REGISTER_HEADER if name != "tanggal_lahir"] + ["tgl_lahir"]
    answer = await send(operator, csv_of([row(1, 1)], header))
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["field"]) == ("file-columns", "file")
    assert "tanggal_lahir" in problem["detail"]
    assert "tgl_lahir" in problem["detail"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (csv_of([]), "file-empty"),
        (csv_of([row(1, 1)]) + b"\xff\xfe,1\n", "file-not-utf8"),
        (csv_of([row(1, 1)]) + b"x" * 70_000, "file-line-too-long"),
    ],
)
async def test_what_is_no_table_is_refused_whole(deployment_of: DeploymentFactory, content: bytes, code: str) -> None:
    city = await intake(deployment_of)
    answer = await send(city.client(Role.OPERATOR), content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await city.fetch("select 1 from import") == []


async def test_a_row_of_broken_quotes_takes_no_other_row_with_it(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    lines = csv_of([row(1, 1), row(2, 2), row(3, 3)]).decode().splitlines()
    lines[2] = '"' + lines[2]
    done = await work_through(city, operator, "\n".join(lines).encode())
    assert (done["rows"], done["registered"], done["rejected"]) == (3, 2, 1)


async def test_the_same_file_twice_changes_nothing(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    content = csv_of([row(1, 1), row(1, 2, nik="", alasan_tanpa_nik="2"), row(2, 1)])
    first = await work_through(city, operator, content)
    before = await city.announced_names()
    again = await send(operator, content)
    assert (again.status_code, again.json()["import_id"]) == (200, first["import_id"])
    assert await city.run_due() == 0
    assert await city.announced_names() == before


async def test_rows_seen_before_are_known_also_in_another_file(deployment_of: DeploymentFactory) -> None:
    """People without a number and held rows are recognised too, wherever in the file they stand."""
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [row(1, 1), row(1, 2, nik="", alasan_tanpa_nik="2"), row(2, 3), row(2, 1, nama="Orang Lain")]
    await work_through(city, operator, csv_of(rows))
    facts = len(await city.announced(HouseholdRegistered))
    done = await work_through(city, operator, csv_of([*rows, row(4, 4)]))
    assert (done["registered"], done["known"], done["held"]) == (1, 4, 0)
    assert len(await city.announced(HouseholdRegistered)) == facts + 1
    assert await city.announced(HouseholdUpdated) == []
    assert await findings(city) == []


async def test_a_family_of_a_second_register_stands_in_both(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    content = csv_of([row(1, 1), row(1, 2)])
    await work_through(city, operator, content)
    done = await work_through(city, operator, content, register_code="p3ke")
    assert (done["known"], done["households"]) == (2, 0)
    (fact,) = await city.announced(HouseholdUpdated)
    assert (fact.registers, fact.reason) == (["dtks", "p3ke"], "register-added")


async def test_a_taken_number_is_held_with_its_family_in_the_register(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    done = await work_through(city, operator, csv_of([row(1, 1), row(2, 2), row(2, 1, nama="Orang Lain")]))
    assert (done["registered"], done["held"]) == (2, 1)
    facts = await city.announced(HouseholdRegistered)
    (suspected,) = await city.announced(DuplicateSuspected)
    assert suspected.household_id == facts[1].household_id
    assert await findings(city) == []


async def test_two_families_of_one_sender_do_not_share_a_card(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    done = await work_through(city, operator, csv_of([row(1, 1), row(2, 2, nomor_kartu_keluarga=kk(1))]))
    assert (done["registered"], done["rejected"]) == (1, 1)
    assert "kk-of-another-family" in (await operator.get(f"/api/v1/imports/{done['import_id']}/rejects")).text
    assert await findings(city) == []


async def test_a_family_is_known_by_its_card_when_another_sender_numbers_it(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    await work_through(city, operator, csv_of([row(1, 1)]))
    other = csv_of([row(1, 1, id_keluarga="BPS-77"), row(1, 2, id_keluarga="BPS-77")])
    done = await work_through(city, operator, other, numbering="bps", register_code="regsosek")
    assert (done["registered"], done["known"], done["households"]) == (1, 1, 0)
    (fact,) = await city.announced(HouseholdUpdated)
    assert (fact.persons, fact.registers) == (2, ["dtks", "regsosek"])


async def test_a_family_without_a_card_is_registered_with_the_reason(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    without = {"nomor_kartu_keluarga": "", "alasan_tanpa_kk": "1"}
    done = await work_through(city, city.client(Role.OPERATOR), csv_of([row(1, 1, **without), row(1, 2, **without)]))
    assert done["registered"] == 2
    (fact,) = await city.announced(HouseholdRegistered)
    assert (fact.without_card_reason, fact.persons) == ("homeless", 2)


async def test_a_part_never_splits_a_family(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50)
    rows = [row(family, 10 * family + place) for family in range(1, 21) for place in range(7)]
    done = await work_through(city, city.client(Role.OPERATOR), csv_of(rows))
    assert (done["registered"], done["households"]) == (140, 20)
    assert {fact.persons for fact in await city.announced(HouseholdRegistered)} == {7}


async def test_an_import_goes_on_after_a_crash_in_the_middle_of_a_part(deployment_of: DeploymentFactory) -> None:
    """A process that dies loses its open transaction and nothing else; the next one begins that part again."""
    city = await intake(deployment_of, import_part_rows_max=50)
    operator = city.client(Role.OPERATOR)
    rows = [row(number, number) for number in range(1, 201)]
    sent = (await send(operator, csv_of(rows))).json()
    assert await city.run_due(limit=1) == 1
    async with city.session() as dying:
        await work_next_part(dying, UUID(sent["import_id"]))
        written = (await dying.execute(text("select count(*) from member"))).scalar_one()
        assert written == 100
    halfway = (await operator.get(f"/api/v1/imports/{sent['import_id']}")).json()
    assert (halfway["state"], halfway["percent"], halfway["registered"]) == ("working", 25, 50)
    await city.run_due()
    done = (await operator.get(f"/api/v1/imports/{sent['import_id']}")).json()
    assert (done["state"], done["registered"], done["households"]) == ("done", 200, 200)
    facts = await city.announced(HouseholdRegistered)
    assert len(facts) == len({fact.household_id for fact in facts}) == 200
    assert await findings(city) == []


async def test_nothing_of_a_file_lies_open_while_it_waits_or_afterwards(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    rows = [row(1, 1), row(1, 2, nik="6.47E+15"), row(2, 1, nama="Orang Lain"), row(2, 3)]
    await send(operator, csv_of(rows))
    await _nowhere(city)
    await city.run_due()
    assert await city.fetch("select 1 from import_part") == []
    await _nowhere(city)


async def _nowhere(city: TestDeployment) -> None:
    for table in ("import_part", "import_reject", "held_row", "member", "household", "family_card", "import"):
        for found in await city.fetch(f'select t::text as said from "{table}" as t'):
            assert not any(secret in found.said for secret in (nik(1), nik(3), kk(1), "Warga", "Orang Lain"))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
async def test_lines_are_counted_as_they_stand_in_the_file(
    deployment_of: DeploymentFactory, delimiter: str, ending: str
) -> None:
    """With the marks that spreadsheets leave, blank lines anywhere, and no end of the last line."""
    city = await intake(deployment_of, import_part_rows_max=50)
    rows = [row(number // 2, number) for number in range(1, 121)]
    rows[99] |= {"nik": "6.47E+15"}
    header, *lines = csv_of(rows).decode().replace(",", delimiter).splitlines()
    lines = [*lines[:10], "", "  ", *lines[10:60], "", *lines[60:], ""]
    content = "\ufeff" + ending.join([header, "", *lines]).rstrip(ending)
    done = await work_through(city, city.client(Role.OPERATOR), content.encode())
    assert (done["rows"], done["registered"], done["rejected"], done["households"]) == (120, 119, 1, 61)
    assert [each.row_number for each in await city.fetch("select row_number from import_reject")] == [105]
    assert {tuple(each.warnings) for each in await city.fetch("select warnings from member")} == {()}


async def test_a_large_file_takes_no_more_memory_than_its_parts(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, import_part_rows_max=50)
    operator, imports = city.client(Role.OPERATOR), list[UUID]()

    async def peak(families: int) -> int:
        # Every file is of another year, so that its numbers are new.
        year = 80 + len(imports)
        rows = [
            row(
                family, family, id_keluarga=f"{year}-{family}", tanggal_lahir=f"19{year}-05-17",
                nomor_kartu_keluarga=kk(family, f"1403{year - 70}"),
            )
            for family in range(families)
        ]  # fmt: skip
        sent = (await send(operator, csv_of(rows))).json()
        tracemalloc.start()
        await city.run_due()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        done = (await operator.get(f"/api/v1/imports/{sent['import_id']}")).json()
        assert done["registered"] == families
        imports.append(UUID(sent["import_id"]))
        return found

    # Of five parts at least, so that as many as ever are drafted ahead.
    await peak(250)
    small = await peak(250)
    large = await peak(1_000)
    assert large < 1.5 * small
    assert draft_ahead_of(city.deployment).parts_of(imports[-1]) == {}


async def test_only_operators_and_officers_of_the_region_send_files(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    content = csv_of([row(1, 1)])
    assert (await send(city.client(Role.FIELD_VERIFIER), content)).json()["code"] == "role-missing"
    other = city.client(Role.OPERATOR, regions=["64.71"])
    assert (await send(other, content)).json()["code"] == "region-not-yours"
    sent = (await send(city.client(Role.OPERATOR), content)).json()
    for path in ("", "/rejects"):
        hidden = await other.get(f"/api/v1/imports/{sent['import_id']}{path}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "import-unknown")


async def test_a_file_may_be_larger_than_other_requests(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of, body_bytes_max=20_000)
    content = csv_of([row(number, number) for number in range(1, 400)])
    assert len(content) > 20_000
    assert (await send(city.client(Role.OPERATOR), content)).status_code == 202
    refused = await city.client(Role.PROGRAMME_OFFICER).post("/api/v1/households", json={"address": "x" * 30_000})
    assert (refused.status_code, refused.json()["code"]) == (413, "body-too-large")
