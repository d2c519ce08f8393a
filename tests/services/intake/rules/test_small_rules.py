"""Columns, admission, masking, cases: one table each."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.intake.rules.admission import Admission, Applicant, Holder, Verdict, admit
from services.intake.rules.cases import CLOSING, OPENING, case_of
from services.intake.rules.columns import OPTIONAL, REQUIRED, FileKind, check_header
from services.intake.rules.masking import mask_name, mask_number, mask_phone
from services.intake.rules.proposals import field_of, lines_of
from shared.events.envelope import Event

HERE, THERE, PERSON = UUID(int=1), UUID(int=2), UUID(int=3)
FILE, OTHER_FILE = UUID(int=4), UUID(int=5)


@pytest.mark.parametrize("kind", list(FileKind))
def test_all_columns_fit_in_any_order_and_optional_ones_may_be_absent(kind: FileKind) -> None:
    assert check_header(kind, [*OPTIONAL[kind], *reversed(REQUIRED[kind])]).fits
    assert check_header(kind, REQUIRED[kind]).fits
    assert check_header(kind, [*REQUIRED[kind], "alasan"]).fits


def test_a_header_says_what_is_missing_unknown_and_twice() -> None:
    found = check_header(FileKind.REGISTER, [*REQUIRED[FileKind.REGISTER][1:], "nik", "agama"])
    assert (found.missing, found.unknown, found.repeated) == (("no_urut",), ("agama",), ("nik",))


@pytest.mark.parametrize(
    ("holder", "digest_known", "expected"),
    [
        (None, False, Verdict.MEMBER),
        (None, True, Verdict.KNOWN),
        (Holder(HERE, PERSON, "64.72.05.1002", OTHER_FILE), False, Verdict.KNOWN),
        (Holder(HERE, PERSON, "64.72.05.1002", FILE), False, Verdict.HELD),
        (Holder(THERE, PERSON, "64.72.03.1001", FILE), False, Verdict.HELD),
        (Holder(THERE, PERSON, "64.72.03.1001", None), True, Verdict.KNOWN),
    ],
)
def test_a_number_that_is_taken_opens_no_second_person(
    holder: Holder | None, digest_known: bool, expected: Verdict
) -> None:
    applicant = Applicant(b"digest", b"index")
    found = admit(
        applicant,
        household_id=HERE,
        import_id=FILE,
        holders={b"index": holder} if holder else {},
        digests={b"digest"} if digest_known else set(),
    )
    assert found == Admission(expected, holder if expected is not Verdict.MEMBER and not digest_known else None)


def test_masks_let_kecamatan_birth_date_and_sex_vanish() -> None:
    assert mask_number("6472051705809001") == "6472********9001"
    assert mask_name("Siti Aminah") == "S*** A***"
    assert mask_phone("081234567890") == "0812****7890"
    assert (mask_number(None), mask_phone(None)) == (None, None)


@pytest.mark.parametrize("event", [*OPENING, *CLOSING])
def test_every_fact_about_a_case_names_it(event: type[Event]) -> None:
    fact = event.from_example()
    assert case_of(fact) in {getattr(fact, "case_id", None), getattr(fact, "programme_id", None)}


def test_nothing_opens_and_closes_at_once() -> None:
    assert not set(OPENING) & set(CLOSING)


def test_a_stated_household_becomes_the_rows_of_a_file() -> None:
    stated = {
        "region": "64.72.05.1002",
        "family_card_number": None,
        "without_card_reason": "homeless",
        "decile": 2,
        "housing": {"floor": "earth"},
    }
    member = {"name": "A", "sex": "P", "relation": "head", "at_school": False, "works": True, "pregnant": None}
    ((number, cells),) = lines_of(stated, [member])
    assert number == 0
    assert cells["nomor_kartu_keluarga"] == ""
    assert cells["alasan_tanpa_kk"] == "1"
    assert cells["desil"] == "2"
    assert cells["jenis_lantai_terluas"] == "8"
    assert cells["status_hubungan_keluarga"] == "1"
    assert cells["jenis_kelamin"] == "P"
    assert (cells["partisipasi_sekolah"], cells["status_pekerjaan"]) == ("3", "1")
    assert "ibu_hamil" not in cells


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("nik", "members.2.nik"),
        ("tanggal_lahir", "members.2.birth_date"),
        ("kode_wilayah", "region"),
        ("nomor_kartu_keluarga", "family_card_number"),
        ("jenis_lantai_terluas", "housing.floor"),
    ],
)
def test_findings_name_the_field_of_the_form(column: str, field: str) -> None:
    assert field_of(column, 2) == field
