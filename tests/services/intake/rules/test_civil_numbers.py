"""NIK and KK: what is refused, what only warns, and what is never repaired."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.rules.civil_numbers import (
    differences,
    encodes,
    looks_like_person_number,
    read_card_number,
    read_person_number,
)

TODAY = date(2022, 12, 5)


def codes(typed: str) -> list[str]:
    return [finding.code for finding in read_person_number(typed, today=TODAY).findings]


def card_codes(typed: str) -> list[str]:
    return [finding.code for finding in read_card_number(typed, today=TODAY).findings]


@pytest.mark.parametrize(
    "typed",
    [
        "6472051705809001",
        " 6472051705809001 ",
        "'6472051705809001",
        "\u20196472051705809001",
        "647205.170580.9001",
        "647205-170580-9001",
        "6472 0517 0580 9001",
        "6472\u00a00517\u00a00580\u00a09001",
    ],
)
def test_what_surrounds_the_digits_does_not_matter(typed: str) -> None:
    number = read_person_number(typed, today=TODAY)
    assert (number.digits, number.findings, number.sex) == ("6472051705809001", (), "male")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("6.47E+15", "nik-scientific-notation"),
        ("6,47205E+15", "nik-scientific-notation"),
        ("6.47205170580e15", "nik-scientific-notation"),
        ("647205170580900", "nik-length"),
        ("64720517058090011", "nik-length"),
        ("6472O51705809001", "nik-not-digits"),
        ("٦٤٧٢٠٥١٧٠٥٨٠٩٠٠١", "nik-not-digits"),
        ("0000000000000000", "nik-placeholder"),
        ("9999999999999999", "nik-placeholder"),
        ("1234567890123456", "nik-placeholder"),
        ("9872051705809001", "nik-province-unknown"),
        ("6400051705809001", "nik-district-impossible"),
        ("6472001705809001", "nik-district-impossible"),
        ("6472050005809001", "nik-date-impossible"),
        ("6472053205809001", "nik-date-impossible"),
        ("6472054005809001", "nik-date-impossible"),
        ("6472057205809001", "nik-date-impossible"),
        ("6472051713809001", "nik-date-impossible"),
        ("6472053002809001", "nik-date-impossible"),
        ("6472052902819001", "nik-date-impossible"),
        ("6472051705800000", "nik-serial-zero"),
    ],
)
def test_a_number_that_cannot_be_one_is_refused(typed: str, code: str) -> None:
    number = read_person_number(typed, today=TODAY)
    assert number.digits is None
    assert [finding.code for finding in number.findings if finding.refuses] == [code]


@pytest.mark.parametrize("typed", ["", " ", "-", "0", "NULL", "tidak ada", "n/a"])
def test_a_number_that_is_not_there_is_missing_and_not_damaged(typed: str) -> None:
    number = read_person_number(typed, today=TODAY)
    assert number.is_missing
    assert number.findings == ()


@pytest.mark.parametrize(
    "typed",
    [
        "6473011705809001",  # Tarakan before 2012, now 65.71
        "6472991705809001",
        "9201015705809001",  # Sorong before 2022
    ],
)
def test_an_old_or_unknown_district_only_warns(typed: str) -> None:
    number = read_person_number(typed, today=TODAY)
    assert number.digits == typed
    assert {finding.code for finding in number.findings} <= {"nik-district-unknown"}


@pytest.mark.parametrize("province", ["93", "94", "95", "96", "91", "92"])
def test_provinces_of_papua_old_and_new_are_known(province: str) -> None:
    assert read_person_number(f"{province}01011705809001", today=TODAY).digits is not None


@pytest.mark.parametrize(
    ("born", "sex", "expected"),
    [
        (date(1980, 5, 17), "male", []),
        (date(1980, 5, 18), "male", ["nik-birth-date-differs"]),
        (date(1980, 5, 17), "female", ["nik-sex-differs"]),
        (date(1981, 6, 17), "female", ["nik-birth-date-differs", "nik-sex-differs"]),
        (None, None, []),
    ],
)
def test_a_difference_from_the_record_only_warns(born: date | None, sex: object, expected: list[str]) -> None:
    number = read_person_number("6472051705809001", today=TODAY)
    found = differences(number, born, sex)  # type: ignore[arg-type]
    assert [finding.code for finding in found] == expected
    assert not any(finding.refuses for finding in found)


@pytest.mark.parametrize("year", [1922, 2022])
def test_the_century_is_not_in_the_number(year: int) -> None:
    """Somebody of 1922 and a baby of 2022 have the same digits; the record tells them apart."""
    number = read_person_number("6472050511229001", today=TODAY)
    assert encodes(number, date(year, 11, 5))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("6472051403129001", []),
        ("6.47E+15", ["kk-scientific-notation"]),
        ("647205140312900", ["kk-length"]),
        ("6472O51403129001", ["kk-not-digits"]),
        ("1111111111111111", ["kk-placeholder"]),
        ("9972051403129001", ["kk-province-unknown"]),
        ("6472055403129001", ["kk-date-impossible"]),
        ("6472053102129001", ["kk-date-impossible"]),
        ("6472051403120000", ["kk-serial-zero"]),
        ("6472050512229001", ["kk-date-not-past"]),
        ("6472050101309001", ["kk-date-not-past"]),
    ],
)
def test_a_card_carries_the_day_of_its_recording(typed: str, expected: list[str]) -> None:
    assert card_codes(typed) == expected


def test_a_date_ahead_is_a_sign_and_not_a_proof() -> None:
    assert read_card_number("6472050512229001", today=TODAY).digits == "6472050512229001"


@given(
    born=st.dates(date(1925, 1, 1), date(2022, 12, 4)),
    sex=st.sampled_from(["male", "female"]),
    serial=st.integers(1, 9999),
)
def test_every_healthy_number_says_its_birth_date_and_sex(born: date, sex: str, serial: int) -> None:
    day = born.day + (40 if sex == "female" else 0)
    typed = f"647205{day:02d}{born:%m%y}{serial:04d}"
    number = read_person_number(typed, today=TODAY)
    assert (number.digits, number.sex, encodes(number, born)) == (typed, sex, True)
    assert looks_like_person_number(typed, born, sex)  # type: ignore[arg-type]


@given(typed=st.text(max_size=40))
def test_whatever_is_typed_there_is_an_answer(typed: str) -> None:
    for number in (read_person_number(typed, today=TODAY), read_card_number(typed, today=TODAY)):
        assert (number.digits is None) == (number.is_missing or any(each.refuses for each in number.findings))
