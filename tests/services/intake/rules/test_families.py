"""The rows of a family held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from services.intake.rules.families import Family, group_families, read_family
from services.intake.rules.findings import refusals, warnings
from services.intake.rules.rows import DAMAGED, Place, read_date
from tests.services.intake.city import KELURAHAN, kk, nik, row

TODAY = date(2022, 12, 5)
PLACE = Place(lambda code: code in {KELURAHAN, "64.72.03.1001", "64.71.01.1001"}, "64.72")


def family(*rows: dict[str, str]) -> Family:
    return read_family("F-0001", list(enumerate(rows, start=2)), PLACE, today=TODAY)


def refused(found: Family) -> list[list[str]]:
    return [refusals(each.findings) for each in found.rows]


def test_a_healthy_family_has_its_card_its_place_and_its_members() -> None:
    found = family(row(1, 1), row(1, 2, status_hubungan_keluarga="3"))
    assert (found.card, found.region, found.decile, found.without_card_reason) == (kk(1), KELURAHAN, 1, None)
    assert [each.person.relation for each in found.accepted] == ["head", "child"]
    assert refused(found) == [[], []]


def test_numbers_in_each_others_column_are_told_by_the_familys_card() -> None:
    swapped = row(1, 2) | {"nik": kk(1), "nomor_kartu_keluarga": nik(2)}
    assert refused(family(row(1, 1), swapped, row(1, 3))) == [[], ["nik-and-kk-swapped"], []]


def test_numbers_in_each_others_column_are_told_by_the_birth_date_of_a_person_alone() -> None:
    swapped = row(1, 2, jenis_kelamin="P") | {"nik": kk(1), "nomor_kartu_keluarga": nik(2, sex="P")}
    assert refused(family(swapped)) == [["nik-and-kk-swapped"]]


def test_the_heads_number_typed_as_the_card_refuses_the_family() -> None:
    rows = [row(1, serial, nomor_kartu_keluarga=nik(1)) for serial in (1, 2)]
    assert refused(family(*rows)) == [["kk-is-a-person-number"]] * 2


@pytest.mark.parametrize(("size", "lost"), [(2, False), (3, True), (5, True)])
def test_a_family_whose_every_number_ends_in_zero_went_through_a_spreadsheet(size: int, lost: bool) -> None:
    rows = [row(1, serial, nik=nik(10 * serial), nomor_kartu_keluarga=kk(10)) for serial in range(1, size + 1)]
    assert refused(family(*rows)) == [["nik-last-digits-lost"] if lost else []] * size


def test_one_number_that_ends_otherwise_clears_the_family() -> None:
    rows = [row(1, serial, nik=nik(10 * serial), nomor_kartu_keluarga=kk(10)) for serial in range(1, 4)]
    assert refused(family(*rows, row(1, 41, nomor_kartu_keluarga=kk(10)))) == [[]] * 4


def test_a_row_without_a_card_needs_a_reason_of_its_own() -> None:
    assert refused(family(row(1, 1), row(1, 2, nomor_kartu_keluarga=""))) == [[], ["kk-missing"]]
    without = {"nomor_kartu_keluarga": "", "alasan_tanpa_kk": "3"}
    found = family(row(1, 1, **without), row(1, 2, **without))
    assert refused(found) == [[], []]
    assert (found.card, found.without_card_reason) == (None, "migrant-without-transfer-letter")


def test_another_card_or_place_in_the_family_warns() -> None:
    found = family(row(1, 1), row(1, 2), row(1, 3, nomor_kartu_keluarga=kk(7), kode_wilayah="64.72.03.1001"))
    assert warnings(found.rows[2].findings) == ["region-differs-in-family", "kk-differs-in-family"]
    assert (found.card, found.region) == (kk(1), KELURAHAN)


def test_a_damaged_line_is_refused_and_says_so() -> None:
    assert "row-damaged" in refused(family(row(1, 1) | {DAMAGED: ""}))[0]


def test_more_rows_than_a_family_has_are_refused() -> None:
    found = family(*(row(1, serial) for serial in range(1, 62)))
    assert {tuple(codes) for codes in refused(found)} == {("family-too-large",)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KELURAHAN, []),
        ("", ["region-missing"]),
        ("64.72.05.1099", ["region-unknown"]),
        ("6472060004", ["region-unknown"]),
        ("64.72.05", ["region-unknown"]),
        ("64.71.01.1001", ["region-outside"]),
    ],
)
def test_only_a_village_of_the_region_is_a_place(code: str, expected: list[str]) -> None:
    assert refused(family(row(1, 1, kode_wilayah=code))) == [expected]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1980-05-17", date(1980, 5, 17)),
        ("17/05/1980", date(1980, 5, 17)),
        ("17-5-1980", date(1980, 5, 17)),
        ("1980-02-30", None),
        ("05/17/1980", None),
        ("17 Mei 1980", None),
        ("29357", None),
    ],
)
def test_dates_are_read_as_iso_or_day_first(typed: str, expected: date | None) -> None:
    assert read_date(typed) == expected


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"nama": "  "}, "name-empty"),
        ({"nama": "---"}, "name-empty"),
        ({"tanggal_lahir": ""}, "birth-date-missing"),
        ({"tanggal_lahir": "1987-02-30"}, "birth-date-impossible"),
        ({"tanggal_lahir": "2022-12-06"}, "birth-date-in-future"),
        ({"tanggal_lahir": "1890-01-01"}, "birth-date-too-old"),
        ({"jenis_kelamin": "X"}, "sex-unknown"),
        ({"nik": ""}, "nik-missing"),
    ],
)
def test_what_a_person_cannot_do_without(cells: dict[str, str], code: str) -> None:
    assert refused(family(row(1, 1) | cells)) == [[code]]


def test_a_person_without_a_number_is_registered_with_the_reason() -> None:
    found = family(row(1, 1, nik="", alasan_tanpa_nik="2"))
    assert found.accepted[0].person.no_nik_reason == "newborn"


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ("AAB", ["AA", "B"]),
        ("ABA", ["A", "B", "A"]),
        ("A", ["A"]),
        ("", []),
    ],
)
def test_rows_that_stand_together_are_a_family(keys: Sequence[str], groups: list[str]) -> None:
    lines = [(number, {"id_keluarga": key}) for number, key in enumerate(keys)]
    assert ["".join(cells["id_keluarga"] for _, cells in together) for _, together in group_families(lines)] == groups


def test_without_an_id_the_card_keeps_a_family_together_and_nothing_else_does() -> None:
    cells = [{"nomor_kartu_keluarga": kk(1)}, {"nomor_kartu_keluarga": kk(1)}, {}, {}]
    assert [len(together) for _, together in group_families(list(enumerate(cells)))] == [2, 1, 1]
