"""Ranking, entitlement, and who gets what is left."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.programs.rules.decision import Decision, Reason
from services.programs.rules.entitlement import Entitled, entitlement_of, units_taken
from services.programs.rules.household import Household
from services.programs.rules.named_list import Line, list_text, sha256_of
from services.programs.rules.places import Candidate, LineLeft, QuotaLeft, place, quota_of, threshold_reached
from services.programs.rules.ranking import ranked
from tests.services.programs.rules.facts import A, B, C, household, programme, verified

WIDE = QuotaLeft(UUID(int=1), "64.72", 5)
NARROW = QuotaLeft(UUID(int=2), "64.72.05", 5)


def candidate(number: int, persons: int = 1, **changes: Any) -> Candidate:
    family = household(household_id=UUID(int=1000 + number), **changes)
    entitled = Entitled(tuple(UUID(int=n) for n in range(persons)), persons * 300_000)
    return Candidate(family, (), entitled, Decision())


def test_only_members_who_are_confirmed_and_listed_count() -> None:
    family = household(cohorts={"P3KE-9000": frozenset({B, C})})
    assert entitlement_of(programme(), family) == Entitled((B,), 300_000)


@pytest.mark.parametrize(
    ("name", "rupiah"), [("uep-samarinda-2023", 2_500_000), ("bedah-rumah-samarinda-2023", 20_000_000)]
)
def test_a_family_or_house_counts_once(name: str, rupiah: int) -> None:
    assert entitlement_of(programme(name), household()) == Entitled((A, B), rupiah)
    nobody = household(verification=verified(confirmed=frozenset()))
    assert entitlement_of(programme(name), nobody).rupiah == 0


def test_a_quota_of_persons_is_taken_by_persons() -> None:
    assert units_taken(programme(), 4) == 4
    assert units_taken(programme("uep-samarinda-2023"), 4) == 1


def test_the_neediest_come_first_and_no_two_are_equal() -> None:
    poorest = household(household_id=UUID(int=9), verification=verified(score=90))
    more = household(household_id=UUID(int=8), verification=verified(confirmed=frozenset({A, B, C})))
    earlier = household(household_id=UUID(int=7), verification=verified(decided_on=date(2023, 1, 1)))
    one, two = household(household_id=UUID(int=5)), household(household_id=UUID(int=6))
    unknown = household(household_id=UUID(int=1), verification=verified(score=None))
    expected = [poorest, more, earlier, one, two, unknown]
    assert ranked(programme(), [unknown, two, one, earlier, more, poorest]) == expected


@given(st.permutations(range(12)))
def test_the_ranking_does_not_depend_on_the_order_of_asking(order: list[int]) -> None:
    def family(number: int) -> Household:
        return household(household_id=UUID(int=number), verification=verified(score=number % 3))

    asked = [family(number) for number in order]
    assert ranked(programme(), asked) == ranked(programme(), [family(number) for number in range(12)])


def test_the_narrowest_quota_counts() -> None:
    assert quota_of("64.72.05.1002", [WIDE, NARROW]) == NARROW
    assert quota_of("64.72.01.1001", [WIDE, NARROW]) == WIDE
    assert quota_of("64.71.01.1001", [WIDE, NARROW]) is None


def test_places_and_money_go_in_order_and_a_smaller_family_may_still_fit() -> None:
    quotas = [QuotaLeft(UUID(int=1), "64.72", 6)]
    wanted = [candidate(1, 3), candidate(2, 4), candidate(3, 2)]
    placed = place(programme(), wanted, quotas, LineLeft("LINE", 10_000_000))
    assert [each.decision.codes for each in placed] == [[], ["quota-full"], []]


def test_a_refusal_names_the_line_what_was_asked_and_what_was_left() -> None:
    placed = place(programme(quotas=[]), [candidate(1, 3), candidate(2, 2)], [], LineLeft("LINE", 1_000_000))
    assert placed[0].decision.allowed
    short = Reason("fund-line-exhausted", {"line": "LINE", "asked": 600_000, "left": 100_000})
    assert placed[1].decision == Decision((short,))


def test_who_lives_where_there_is_no_quota_is_told_so() -> None:
    placed = place(programme(), [candidate(1)], [QuotaLeft(UUID(int=1), "64.72.01", 9)], LineLeft("LINE", 10**9))
    assert placed[0].decision.codes == ["no-quota-in-region"]


@given(st.lists(st.integers(1, 6), max_size=30), st.integers(0, 40), st.integers(0, 12_000_000))
def test_nothing_is_ever_given_twice(sizes: list[int], places: int, rupiah: int) -> None:
    wanted = [candidate(number, size) for number, size in enumerate(sizes)]
    placed = place(programme(), wanted, [QuotaLeft(UUID(int=1), "64.72", places)], LineLeft("LINE", rupiah))
    given_ = [each.candidate.entitled for each in placed if each.decision.allowed]
    assert sum(each.persons for each in given_) <= places
    assert sum(each.rupiah for each in given_) <= rupiah


@pytest.mark.parametrize(("places", "taken", "reached"), [(40, 36, True), (40, 35, False), (0, 0, False), (1, 1, True)])
def test_coordinators_are_told_at_ninety_percent(places: int, taken: int, reached: bool) -> None:
    assert threshold_reached(places, taken) is reached


def test_a_list_has_one_text_whatever_its_order() -> None:
    lines = [Line(B, 2, 600_000), Line(A, 1, 300_000)]
    text = list_text(lines)
    assert text == f"household_id,persons,rupiah\n{A},1,300000\n{B},2,600000\n"
    assert sha256_of(text) == sha256_of(list_text(reversed(lines)))
