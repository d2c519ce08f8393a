"""What a visit established about a household, typed, and what follows from it by rule."""

from __future__ import annotations

from dataclasses import dataclass, fields

from services.verification.rules.questionnaire import Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """The answers that rules read. What was not asked is None; words are those of the questionnaire's code lists."""

    has_shelter: bool
    income_per_person_rupiah: int
    head_has_work: bool
    worried_about_food: bool
    food_is_over_half: bool
    bought_clothes_this_year: bool
    civil_servant_in_family: bool
    company_owner: bool
    has_business: bool
    committed: bool
    owns_land: bool | None = None
    tenure: str | None = None
    floor_area_m2: int | None = None
    floor: str | None = None
    floor_broken: bool | None = None
    wall: str | None = None
    wall_plastered: bool | None = None
    wall_damaged: bool | None = None
    roof: str | None = None
    roof_damaged: bool | None = None
    house_helped_before: bool | None = None
    water: str | None = None
    light: str | None = None
    power: str | None = None
    toilet: str | None = None
    closet: str | None = None
    disposal: str | None = None


READ_BY_RULES = frozenset(field.name for field in fields(VisitFacts))
"""A questionnaire must ask all of these."""


def facts_of(answers: Answers) -> VisitFacts:
    """The facts in a set of answers without findings."""
    known: dict[str, object] = {name: answer for name, answer in answers.items() if name in READ_BY_RULES}
    return VisitFacts(**known)  # type: ignore[arg-type]


def unfit_house(facts: VisitFacts, persons: int, floor_dm2_per_person_min: int) -> tuple[str, ...]:
    """Why a house is unfit to live in (rumah tidak layak huni); empty where it is fit or there is none.

    A house is unfit that fails safety, minimum area or health (Permen PUPR 07/PRT/M/2018). The indicators are those
    of the Ministry of Social Affairs: wall or roof damaged or of perishable material; floor of earth, boards or
    bamboo, or broken; no toilet of its own or one unfit; too little floor per person.
    """
    if not facts.has_shelter:
        return ()
    area = facts.floor_area_m2 or 0
    reasons = {
        "wall-damaged": facts.wall_damaged,
        "wall-perishable": facts.wall in {"woven-bamboo", "bamboo"},
        "roof-damaged": facts.roof_damaged,
        "roof-perishable": facts.roof in {"bamboo", "thatch"},
        "floor-unfit": facts.floor in {"earth", "wood", "bamboo"} or facts.floor_broken,
        "toilet-unfit": has_unfit_sanitation(facts),
        "floor-too-small": persons > 0 and area * 100 < floor_dm2_per_person_min * persons,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def has_unfit_sanitation(facts: VisitFacts) -> bool:
    """No own, shared or communal toilet with a gooseneck closet that ends in a septic tank or IPAL (HREIS).

    What was not looked at counts as fit.
    """
    return (
        facts.toilet not in {"own", "shared", "communal"}
        or facts.closet not in {None, "gooseneck"}
        or facts.disposal not in {None, "septic", "ipal"}
    )


def suggested_rejections(facts: VisitFacts) -> tuple[str, ...]:
    """Reasons for which people may find a household not eligible, as its own answers suggest them; never a verdict."""
    reasons = {
        "civil-servant-in-family": facts.civil_servant_in_family,
        "company-owner": facts.company_owner,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)
