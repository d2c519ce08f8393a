"""The nine criteria of Keputusan Menteri Sosial 262/HUK/2022, their points, and the categories."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verification.forms import forms
from services.verification.rules.facts import VisitFacts, facts_of, suggested_rejections, unfit_house
from services.verification.rules.scoring import CRITERIA, SCORE_MAX, category_of, is_below_line, score
from shared.events.fields import Category

RULE = forms().rules["kemiskinan-2022-1"]
DAY = date(2023, 2, 14)
LINE_RUPIAH = 322_170
"""BPS 2021: US$ 1.90 PPP a day."""

WELL_OFF = VisitFacts(
    has_shelter=True,
    income_per_person_rupiah=2_000_000,
    head_has_work=True,
    worried_about_food=False,
    food_is_over_half=False,
    bought_clothes_this_year=True,
    civil_servant_in_family=False,
    company_owner=False,
    has_business=False,
    committed=False,
    owns_land=True,
    tenure="own",
    floor_area_m2=60,
    floor="ceramic",
    wall="masonry",
    wall_plastered=True,
    roof="tile",
    water="piped",
    light="pln-metered",
    power="1300-w",
    toilet="own",
    closet="gooseneck",
    disposal="septic",
)


@pytest.mark.parametrize(
    ("article", "changed", "reason"),
    [
        (1, {"has_shelter": False}, "no-shelter"),
        (2, {"head_has_work": False}, "head-without-work"),
        (3, {"worried_about_food": True}, "worried-about-food"),
        (4, {"food_is_over_half": True}, "food-over-half"),
        (5, {"bought_clothes_this_year": False}, "no-clothes-bought"),
        (6, {"floor": "earth"}, "floor-earth"),
        (6, {"floor": "cement-brick"}, "floor-cement-brick"),
        (7, {"wall": "bamboo"}, "wall-bamboo"),
        (7, {"wall": "woven-bamboo"}, "wall-woven-bamboo"),
        (7, {"wall": "wood-board-gypsum-grc"}, "wall-wood-board-gypsum-grc"),
        (7, {"wall_plastered": False}, "wall-unplastered"),
        (8, {"toilet": "shared"}, "no-own-toilet"),
        (8, {"toilet": "none"}, "no-own-toilet"),
        (9, {"power": "450-w"}, "power-450-w"),
        (9, {"light": "none", "power": None}, "no-power"),
    ],
)
def test_each_criterion_of_262_huk_2022_is_met_alone(article: int, changed: dict[str, Any], reason: str) -> None:
    met = [(each.article, each.reason(replace(WELL_OFF, **changed))) for each in CRITERIA]
    assert [found for found in met if found[1] is not None] == [(article, reason)]


@pytest.mark.parametrize("changed", [{"floor": "wood"}, {"wall": "logs"}, {"power": "900-w"}, {"light": None}])
def test_what_the_decree_does_not_name_is_no_criterion(changed: dict[str, Any]) -> None:
    assert score(RULE, replace(WELL_OFF, **changed), DAY).points == 0


@pytest.mark.parametrize(
    ("day", "rupiah", "below"),
    [
        (date(2023, 2, 14), LINE_RUPIAH, True),
        (date(2023, 2, 14), LINE_RUPIAH + 1, False),
        (date(2024, 12, 31), LINE_RUPIAH + 1, False),
        (date(2025, 1, 1), 391_000, True),
        (date(2025, 1, 1), 391_001, False),
        (date(2021, 12, 31), 0, False),
    ],
)
def test_the_income_line_is_that_of_the_day(day: date, rupiah: int, below: bool) -> None:
    assert is_below_line(RULE, rupiah, day) is below


@pytest.mark.parametrize(
    ("points", "below_line", "has_shelter", "category"),
    [
        (40, True, True, Category.EXTREME_POOR),
        (39, True, True, Category.POOR),
        (100, False, True, Category.POOR),
        (30, False, True, Category.POOR),
        (29, False, True, Category.VULNERABLE),
        (15, False, True, Category.VULNERABLE),
        (14, False, True, Category.NOT_POOR),
        (0, False, True, Category.NOT_POOR),
        (0, False, False, Category.EXTREME_POOR),
    ],
)
def test_points_become_a_category(points: int, below_line: bool, has_shelter: bool, category: Category) -> None:
    assert category_of(RULE.thresholds, points, below_line=below_line, has_shelter=has_shelter) is category


def test_only_reasons_about_a_dwelling_may_leave() -> None:
    poor = replace(WELL_OFF, head_has_work=False, worried_about_food=True, floor="earth", income_per_person_rupiah=1)
    found = score(RULE, poor, DAY)
    assert found.reasons == ("head-without-work", "worried-about-food", "floor-earth", "income-below-line")
    assert found.public_reasons == ("floor-earth",)


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, ()),
        ({"has_shelter": False}, ()),
        ({"wall_damaged": True}, ("wall-damaged",)),
        ({"wall": "bamboo"}, ("wall-perishable",)),
        ({"roof": "thatch"}, ("roof-perishable",)),
        ({"roof_damaged": True}, ("roof-damaged",)),
        ({"floor": "earth"}, ("floor-unfit",)),
        ({"floor": "wood"}, ("floor-unfit",)),
        ({"floor_broken": True}, ("floor-unfit",)),
        ({"toilet": "public", "closet": None, "disposal": None}, ("toilet-unfit",)),
        ({"closet": "pit"}, ("toilet-unfit",)),
        ({"disposal": "water-body"}, ("toilet-unfit",)),
        ({"closet": None, "disposal": None}, ()),
        ({"floor_area_m2": 35}, ("floor-too-small",)),
        ({"floor_area_m2": 36}, ()),
    ],
)
def test_a_house_is_unfit_by_permen_pupr_07_2018(changed: dict[str, Any], reasons: tuple[str, ...]) -> None:
    assert unfit_house(replace(WELL_OFF, **changed), 5, RULE.floor_dm2_per_person_min) == reasons


def test_answers_suggest_a_rejection_and_decide_nothing() -> None:
    assert suggested_rejections(WELL_OFF) == ()
    owner = replace(WELL_OFF, company_owner=True, civil_servant_in_family=True)
    assert suggested_rejections(owner) == ("civil-servant-in-family", "company-owner")


FACTS = st.builds(
    VisitFacts,
    has_shelter=st.booleans(),
    income_per_person_rupiah=st.integers(0, 5_000_000),
    head_has_work=st.booleans(),
    worried_about_food=st.booleans(),
    food_is_over_half=st.booleans(),
    bought_clothes_this_year=st.booleans(),
    civil_servant_in_family=st.booleans(),
    company_owner=st.booleans(),
    has_business=st.booleans(),
    committed=st.booleans(),
    floor=st.sampled_from(["earth", "ceramic", None]),
    wall=st.sampled_from(["bamboo", "masonry", None]),
    wall_plastered=st.sampled_from([True, False, None]),
    power=st.sampled_from(["450-w", "900-w", None]),
    light=st.sampled_from(["none", "pln-metered", None]),
    toilet=st.sampled_from(["own", "none", None]),
)


@given(FACTS)
def test_a_score_is_bounded_and_says_why(facts: VisitFacts) -> None:
    found = score(RULE, facts, DAY)
    assert 0 <= found.points <= SCORE_MAX
    assert (found.points == 0) == (not found.reasons)
    assert set(found.public_reasons) <= set(found.reasons)


@given(FACTS, st.integers(0, 5_000_000))
def test_a_poorer_household_never_scores_lower(facts: VisitFacts, rupiah: int) -> None:
    poorer = replace(facts, income_per_person_rupiah=min(rupiah, facts.income_per_person_rupiah))
    assert score(RULE, poorer, DAY).points >= score(RULE, facts, DAY).points


def test_facts_leave_out_what_no_rule_reads() -> None:
    answers: dict[str, bool | int | str] = {"land_proof": "none"}
    for name in (
        "has_shelter", "head_has_work", "worried_about_food", "food_is_over_half", "bought_clothes_this_year",
        "civil_servant_in_family", "company_owner", "has_business", "committed",
    ):  # fmt: skip
        answers[name] = False
    assert facts_of(answers | {"income_per_person_rupiah": 1}).income_per_person_rupiah == 1
