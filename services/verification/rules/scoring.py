"""How poor a household is, in points with reasons. The score is advice: two people decide.

Nine criteria of the destitute poor (fakir miskin), Keputusan Menteri Sosial 262/HUK/2022. Their points, the income
lines and the thresholds are dated configuration with a source (scoring/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.verification.rules.facts import VisitFacts
from shared.events.fields import Category

SCORE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class IncomeLine:
    """Extreme-poverty line in rupiah per person and month, as published for a span of days."""

    rupiah: int
    valid_from: date
    source: str
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least points of a category. Extreme poverty also needs an income at or below the line, or no shelter."""

    extreme_poor: int
    poor: int
    vulnerable: int


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """A version of the rule."""

    code: str
    source: str
    valid_from: date
    valid_to: date | None
    validity_months: int
    floor_dm2_per_person_min: int
    points: Mapping[str, int]
    thresholds: Thresholds
    income_lines: tuple[IncomeLine, ...]

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Score:
    """Points with reasons. Only ``public_reasons`` may stand in a fact: they tell of a dwelling, not of people."""

    rule: str
    points: int
    category: Category
    reasons: tuple[str, ...]
    public_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Criterion:
    """``reason`` gives the coded reason where the criterion is met. ``article`` counts as the decree does."""

    name: str
    article: int | None
    reason: Callable[[VisitFacts], str | None]
    public: bool


def no_shelter(facts: VisitFacts) -> str | None:
    """1: no place to shelter or live in day by day."""
    return None if facts.has_shelter else "no-shelter"


def head_without_work(facts: VisitFacts) -> str | None:
    """2: the head of the family does not work."""
    return None if facts.head_has_work else "head-without-work"


def worried_about_food(facts: VisitFacts) -> str | None:
    """3: worried about going, or went, without food in the past year."""
    return "worried-about-food" if facts.worried_about_food else None


def food_over_half(facts: VisitFacts) -> str | None:
    """4: food takes more than half of all spending."""
    return "food-over-half" if facts.food_is_over_half else None


def no_clothes_bought(facts: VisitFacts) -> str | None:
    """5: nothing spent on clothes in the past year."""
    return None if facts.bought_clothes_this_year else "no-clothes-bought"


def poor_floor(facts: VisitFacts) -> str | None:
    """6: floor mostly of earth or plaster."""
    return f"floor-{facts.floor}" if facts.floor in {"earth", "cement-brick"} else None


def poor_wall(facts: VisitFacts) -> str | None:
    """7: walls mostly of bamboo, wire, board, tarpaulin, cardboard, thatch, zinc, or masonry without plaster."""
    if facts.wall == "masonry":
        return "wall-unplastered" if facts.wall_plastered is False else None
    known = {"plastered-bamboo-wire", "wood-board-gypsum-grc", "woven-bamboo", "bamboo", "other"}
    return f"wall-{facts.wall}" if facts.wall in known else None


def no_own_toilet(facts: VisitFacts) -> str | None:
    """8: no latrine of its own, or a communal one."""
    return "no-own-toilet" if facts.has_shelter and facts.toilet != "own" else None


def little_power(facts: VisitFacts) -> str | None:
    """9: electricity of 450 W, or no electricity."""
    if facts.has_shelter and facts.light in {"non-pln", "none"}:
        return "no-power"
    return "power-450-w" if facts.power == "450-w" else None


CRITERIA: Final = (
    Criterion("no-shelter", 1, no_shelter, public=True),
    Criterion("head-without-work", 2, head_without_work, public=False),
    Criterion("worried-about-food", 3, worried_about_food, public=False),
    Criterion("food-over-half", 4, food_over_half, public=False),
    Criterion("no-clothes-bought", 5, no_clothes_bought, public=False),
    Criterion("poor-floor", 6, poor_floor, public=True),
    Criterion("poor-wall", 7, poor_wall, public=True),
    Criterion("no-own-toilet", 8, no_own_toilet, public=True),
    Criterion("little-power", 9, little_power, public=True),
)
INCOME: Final = "income-below-line"
"""Points for an income per person at or below the line; no criterion of the decree."""
SCORED: Final = frozenset({*(criterion.name for criterion in CRITERIA), INCOME})


def score(rule: ScoringRule, facts: VisitFacts, visited_on: date) -> Score:
    """Points, category and reasons of a household, as of the day of the visit."""
    met = [(criterion, reason) for criterion in CRITERIA if (reason := criterion.reason(facts)) is not None]
    below_line = is_below_line(rule, facts.income_per_person_rupiah, visited_on)
    points = sum(rule.points[criterion.name] for criterion, _ in met) + (rule.points[INCOME] if below_line else 0)
    points = min(points, SCORE_MAX)
    return Score(
        rule=rule.code,
        points=points,
        category=category_of(rule.thresholds, points, below_line=below_line, has_shelter=facts.has_shelter),
        reasons=(*(reason for _, reason in met), *([INCOME] if below_line else [])),
        public_reasons=tuple(reason for criterion, reason in met if criterion.public),
    )


def is_below_line(rule: ScoringRule, income_per_person_rupiah: int, day: date) -> bool:
    """Whether an income per person lies at or below the extreme-poverty line of that day."""
    line = next((each for each in rule.income_lines if each.holds_on(day)), None)
    return line is not None and income_per_person_rupiah <= line.rupiah


def category_of(thresholds: Thresholds, points: int, *, below_line: bool, has_shelter: bool) -> Category:
    """The welfare category that points suggest."""
    if not has_shelter or (below_line and points >= thresholds.extreme_poor):
        return Category.EXTREME_POOR
    if points >= thresholds.poor:
        return Category.POOR
    return Category.VULNERABLE if points >= thresholds.vulnerable else Category.NOT_POOR
