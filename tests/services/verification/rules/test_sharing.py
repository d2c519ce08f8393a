"""Who visits whom, and until when."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verification.rules.decisions import valid_until
from services.verification.rules.sharing import is_overdue, officers_of, region_id, share_out
from services.verification.rules.states import CaseState

OFFICERS = {"64.72": ["kota"], "64.72.05": ["kecamatan"], "64.72.05.1002": ["satu", "dua"]}


@pytest.mark.parametrize(
    ("region", "officers"),
    [
        ("64.72.05.1002", ["satu", "dua"]),
        ("64.72.05.1003", ["kecamatan"]),
        ("64.72.01.1001", ["kota"]),
        ("64.71.01.1001", []),
    ],
)
def test_the_narrowest_region_with_officers_counts(region: str, officers: list[str]) -> None:
    assert list(officers_of(region, OFFICERS)) == officers


@given(st.integers(1, 60), st.integers(1, 6))
def test_cases_of_a_place_are_shared_evenly(cases: int, officers: int) -> None:
    people = [f"petugas-{number}" for number in range(officers)]
    shared = share_out([(UUID(int=number), "64.72") for number in range(cases)], {"64.72": people}, {})
    loads = [Counter(shared.values())[officer] for officer in people]
    assert len(shared) == cases
    assert max(loads) - min(loads) <= 1


def test_whoever_carries_less_comes_first() -> None:
    shared = share_out([(UUID(int=1), "64.72.05.1002")], OFFICERS, {"dua": 3, "satu": 4})
    assert list(shared.values()) == ["dua"]


def test_a_place_without_officers_keeps_its_cases_waiting() -> None:
    assert share_out([(UUID(int=1), "64.71.01.1001")], OFFICERS, {}) == {}


@pytest.mark.parametrize(
    ("state", "due", "overdue"),
    [
        (CaseState.ASSIGNED, date(2023, 1, 4), True),
        (CaseState.RETURNED, date(2023, 1, 4), True),
        (CaseState.PROPOSED, date(2023, 1, 4), True),
        (CaseState.ASSIGNED, date(2023, 1, 5), False),
        (CaseState.VISITED, date(2023, 1, 4), False),
    ],
)
def test_a_visit_is_overdue_after_its_last_day(state: CaseState, due: date, overdue: bool) -> None:
    assert is_overdue(state, due, date(2023, 1, 5)) is overdue


@pytest.mark.parametrize(
    ("decided_on", "months", "last"),
    [
        (date(2022, 12, 5), 12, date(2023, 12, 5)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2022, 11, 30), 3, date(2023, 2, 28)),
        (date(2022, 12, 31), 1, date(2023, 1, 31)),
        (date(2022, 12, 1), 12, date(2023, 12, 1)),
    ],
)
def test_a_verification_holds_so_many_months(decided_on: date, months: int, last: date) -> None:
    assert valid_until(decided_on, months) == last


def test_the_id_of_a_region_is_the_same_everywhere() -> None:
    assert region_id("64.72.05.1002") == UUID("b341c95c-d167-53f7-bcd0-9b6f571ec262")
