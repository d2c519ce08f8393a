"""What a visit finds at the door of each family of the closed list, and what becomes of it later.

Answers are given to the questions of the form ``p3ke-visit-1``, in the words of its code lists; only what is asked is
answered. They fit the verdict: a confirmed family is as poor as the list says, a rejected one is not, cannot be
found, or refuses. What comes later (business, house, bank) drives the story's other chapters.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.register.closed_list import ClosedList
from local.register.columns import CODES
from local.register.dwellings import Dwelling
from local.register.families import Family
from local.register.figures import Figures
from shared.events.fields import MemberOutcome

EXTREME_POOR_MAX_RUPIAH: Final = 322_170
"""Per person and month; spending below it is extreme poverty (BPS 2021)."""
_WELL_OFF_MIN_RUPIAH: Final = 1_150_000
_BUSINESSES: Final = ("food-stall", "snacks", "tailoring", "repair", "vegetables", "fish", "laundry", "grocery")
_BANK_REFUSALS: Final = ("account-closed", "account-dormant", "name-differs")
NO_ANSWER: Final = frozenset({"address-not-found", "refused"})
"""Reasons of a rejection for which nobody answered the form."""

Answers = dict[str, bool | int | str]
"""Question → answer."""


@dataclass(frozen=True, slots=True)
class Later:
    """What the family will do, and what the bank will, once programmes reach it."""

    wants_business_aid: bool = False
    """Eligible for UEP and asks for it."""
    reaches_every_goal: bool = False
    """Would pass every gate of UEP and graduate."""
    lets_offers_expire: bool = False
    """Does not answer an offer in time."""
    wants_house_repair: bool = False
    """Eligible for bedah rumah (unfit house on own land, never helped) and asks for it."""
    bank_refuses: str | None = None
    """Reason for which the first payment fails."""
    second_payment_works: bool = True


@dataclass(frozen=True, slots=True)
class Visit:
    """One family's answers."""

    answers: Answers | None
    """None where nobody was found or nobody let the officer in."""
    later: Later


def visit_all(figures: Figures, closed: ClosedList, rng: random.Random) -> dict[int, Visit]:
    """Every family of the list, by its number."""
    confirmed = closed.confirmed_families
    refused = _bank_refusals(figures, confirmed, rng)
    return {
        family.number: (
            _rejected(family, closed.rejected[family.number], rng)
            if family.number in closed.rejected
            else _confirmed(family, closed, refused, rng)
        )
        for family in closed.families
    }


def _bank_refusals(figures: Figures, families: Sequence[Family], rng: random.Random) -> dict[int, str]:
    chosen = rng.sample(families, figures.payments_failing)
    return {family.number: _BANK_REFUSALS[place % len(_BANK_REFUSALS)] for place, family in enumerate(chosen)}


def _confirmed(family: Family, closed: ClosedList, refused: Mapping[int, str], rng: random.Random) -> Visit:
    able = any(
        18 <= person.age <= 59 and closed.outcome[family.number, place] is MemberOutcome.CONFIRMED
        for place, person in enumerate(family.members)
    )
    in_business = able and rng.random() < 0.34
    business = rng.choice(_BUSINESSES) if in_business else None
    house = family.dwelling
    helped_before = rng.random() < 0.06
    # Without a 450 W connection or this worry, the other criteria might not add up to extreme poverty.
    worried = house.power != "1" or rng.random() < 0.88
    answers = _of_house(house, rng) | {
        "floor_area_m2": house.floor_area_m2,
        "house_helped_before": helped_before,
        "income_per_person_rupiah": rng.randint(120, EXTREME_POOR_MAX_RUPIAH // 1000) * 1000,
        "head_has_work": bool(family.members[0].job),
        "worried_about_food": worried,
        "food_is_over_half": True,
        "bought_clothes_this_year": rng.random() < 0.3,
        "civil_servant_in_family": False,
        "company_owner": False,
    }
    answers |= _of_business(business, committed=able and (in_business or rng.random() < 0.2))
    fit_for_repair = house.is_unfit(len(family.members)) and house.owns_land and not helped_before
    wants_aid = in_business and rng.random() < 0.85
    later = Later(
        wants_business_aid=wants_aid,
        reaches_every_goal=wants_aid and rng.random() < 0.2,
        lets_offers_expire=wants_aid and rng.random() < 0.04,
        wants_house_repair=fit_for_repair and rng.random() < 0.6,
        bank_refuses=refused.get(family.number),
        second_payment_works=rng.random() < 0.7,
    )
    return Visit(answers, later)


def _rejected(family: Family, reason: str, rng: random.Random) -> Visit:
    """A family that is not poor: its house is sound and its income far above any line."""
    if reason in NO_ANSWER:
        return Visit(None, Later())
    owns_company = reason == "company-owner"
    answers: Answers = {
        "has_shelter": True,
        "tenure": "own",
        "owns_land": True,
        "land_proof": "certificate-own-name",
        "floor_area_m2": 14 * len(family.members),
        "floor": "ceramic",
        "wall": "masonry",
        "wall_plastered": True,
        "roof": "zinc",
        "house_helped_before": False,
        "water": "piped",
        "light": "pln-metered",
        "power": "1300-w",
        "toilet": "own",
        "closet": "gooseneck",
        "disposal": "septic",
        "income_per_person_rupiah": rng.randint(_WELL_OFF_MIN_RUPIAH // 1000, 2_400) * 1000,
        "head_has_work": True,
        "worried_about_food": False,
        "food_is_over_half": False,
        "bought_clothes_this_year": True,
        "civil_servant_in_family": reason == "civil-servant-in-family",
        "company_owner": owns_company,
    }
    return Visit(answers | _of_business(rng.choice(_BUSINESSES) if owns_company else None, committed=False), Later())


def _of_house(house: Dwelling, rng: random.Random) -> Answers:
    answers: Answers = {
        "has_shelter": True,
        "tenure": CODES["tenure"][house.tenure],
        "owns_land": house.owns_land,
        "floor": CODES["floor"][house.floor],
        "wall": CODES["wall"][house.wall],
        "roof": CODES["roof"][house.roof],
        "roof_damaged": house.of_perishable_material and rng.random() < 0.6,
        "water": CODES["water"][house.water],
        "light": CODES["light"][house.light],
        "toilet": CODES["toilet"][house.toilet],
    }
    if house.land_proof:
        answers["land_proof"] = CODES["land_proof"][house.land_proof]
    if house.wall == "1":
        answers["wall_plastered"] = rng.random() < 0.6
    if house.waste_distance:
        answers["waste_distance"] = CODES["waste_distance"][house.waste_distance]
    if house.power:
        answers["power"] = CODES["power"][house.power]
    if house.toilet in {"1", "2", "3"}:
        answers |= {"closet": CODES["closet"][house.closet], "disposal": CODES["disposal"][house.disposal]}
    return answers


def _of_business(business: str | None, *, committed: bool) -> Answers:
    answers: Answers = {"has_business": business is not None, "committed": committed}
    return answers | ({"business": business} if business else {})
