"""What a visit finds at the door of each family of the closed list, and what becomes of it later.

Facts are in the words of the questionnaire's code lists. They fit the verdict: a confirmed family is as poor as the
list says, a rejected one is not, cannot be found, or refuses. What comes later (business, house, bank) drives the
story's other chapters.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

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


class Facts(TypedDict):
    """Answers of one visit."""

    tenure: str
    land_proof: str | None
    floor: str
    wall: str
    roof: str
    floor_area_m2: int
    water: str
    toilet: str
    power: str | None
    owns_land: bool
    unfit_house: bool
    house_helped_before: bool
    income_per_person_rupiah: int
    head_has_work: bool
    worried_about_food: bool
    food_is_over_half: bool
    bought_clothes_this_year: bool
    civil_servant_in_family: bool
    company_owner: bool
    has_business: bool
    business: str | None
    committed: bool


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

    facts: Facts | None
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
    facts = _facts(
        family,
        rng,
        income_per_person_rupiah=rng.randint(120, EXTREME_POOR_MAX_RUPIAH // 1000) * 1000,
        business=rng.choice(_BUSINESSES) if in_business else None,
        committed=able and (in_business or rng.random() < 0.2),
    )
    eligible_house = facts["unfit_house"] and facts["owns_land"] and not facts["house_helped_before"]
    wants_aid = facts["has_business"] and facts["committed"] and rng.random() < 0.85
    later = Later(
        wants_business_aid=wants_aid,
        reaches_every_goal=wants_aid and rng.random() < 0.2,
        lets_offers_expire=wants_aid and rng.random() < 0.04,
        wants_house_repair=eligible_house and rng.random() < 0.6,
        bank_refuses=refused.get(family.number),
        second_payment_works=rng.random() < 0.7,
    )
    return Visit(facts, later)


def _rejected(family: Family, reason: str, rng: random.Random) -> Visit:
    if reason in {"address-not-found", "refused"}:
        return Visit(None, Later())
    facts = _facts(
        family,
        rng,
        income_per_person_rupiah=rng.randint(_WELL_OFF_MIN_RUPIAH // 1000, 2_400) * 1000,
        business=rng.choice(_BUSINESSES) if reason == "company-owner" else None,
        committed=False,
        reason=reason,
    )
    return Visit(facts, Later())


def _facts(
    family: Family,
    rng: random.Random,
    *,
    income_per_person_rupiah: int,
    business: str | None,
    committed: bool,
    reason: str | None = None,
) -> Facts:
    poor = reason is None
    house = family.dwelling
    return Facts(
        tenure=CODES["tenure"][house.tenure],
        land_proof=_word("land_proof", house.land_proof),
        **_materials(house, poor=poor),
        floor_area_m2=house.floor_area_m2 if poor else max(house.floor_area_m2, 12 * len(family.members)),
        water=CODES["water"][house.water],
        toilet=CODES["toilet"][house.toilet] if poor else "own",
        power=_word("power", house.power) if poor else "1300-w",
        owns_land=house.owns_land,
        unfit_house=poor and house.is_unfit(len(family.members)),
        house_helped_before=rng.random() < 0.06,
        income_per_person_rupiah=income_per_person_rupiah,
        head_has_work=bool(family.members[0].job) or not poor,
        worried_about_food=poor and rng.random() < 0.9,
        food_is_over_half=poor,
        bought_clothes_this_year=not poor or rng.random() < 0.3,
        civil_servant_in_family=reason == "civil-servant-in-family",
        company_owner=reason == "company-owner",
        has_business=business is not None,
        business=business,
        committed=committed,
    )


class _Materials(TypedDict):
    floor: str
    wall: str
    roof: str


def _materials(house: Dwelling, *, poor: bool) -> _Materials:
    """Floor, wall and roof as found; the house of a family that is not poor turns out to be sound."""
    if not poor:
        return {"floor": "ceramic", "wall": "masonry", "roof": "zinc"}
    return {
        "floor": CODES["floor"][house.floor],
        "wall": CODES["wall"][house.wall],
        "roof": CODES["roof"][house.roof],
    }


def _word(codes: str, code: str) -> str | None:
    return CODES[codes][code] if code else None
