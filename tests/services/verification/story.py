"""Scenes of verification's tests: households that intake has announced, and visits as a phone sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.events.fields import CohortOutcome
from shared.events.intake import CohortEntryResolved, HouseholdRegistered

PLACE = "64.72.05.1002"
COHORT_ID = UUID("0192f1d0-7c11-7a10-8a00-0000000000c1")


def registered(members: int = 3, *, region: str = PLACE, household_id: UUID | None = None) -> HouseholdRegistered:
    return HouseholdRegistered(
        household_id=household_id or uuid7(),
        region=region,
        registers=["p3ke"],
        members=[uuid7() for _ in range(members)],
        persons=members,
        revision=1,
    )


def entries(
    household: HouseholdRegistered, *, outcome: CohortOutcome = CohortOutcome.MEMBER
) -> list[CohortEntryResolved]:
    """One row of the closed list per member."""
    return [
        CohortEntryResolved(
            cohort_id=COHORT_ID,
            cohort="P3KE-9000",
            entry_id=uuid7(),
            region=household.region,
            outcome=outcome,
            household_id=household.household_id,
            member_id=member_id,
            revision=1,
        )
        for member_id in household.members
    ]


ANSWERS: dict[str, Any] = {
    "has_shelter": True,
    "tenure": "own",
    "owns_land": True,
    "land_proof": "girik-or-letter-c",
    "floor_area_m2": 30,
    "floor": "earth",
    "wall": "wood-board-gypsum-grc",
    "roof": "zinc",
    "house_helped_before": False,
    "water": "refill",
    "power": "450-w",
    "toilet": "shared",
    "income_per_person_rupiah": 250_000,
    "head_has_work": True,
    "worried_about_food": True,
    "food_is_over_half": True,
    "bought_clothes_this_year": False,
    "civil_servant_in_family": False,
    "company_owner": False,
    "has_business": True,
    "business": "food-stall",
    "committed": True,
}
"""A family in extreme poverty, by the rule of 2022."""


def visit(
    household: HouseholdRegistered,
    *,
    outcomes: Sequence[str] | None = None,
    visited_on: date = date(2022, 12, 5),
    **changed: Any,
) -> dict[str, Any]:
    """The body of a visit: everybody confirmed unless said otherwise."""
    found = outcomes or ["confirmed"] * len(household.members)
    return {
        "questionnaire": "p3ke-visit-1",
        "visited_on": visited_on.isoformat(),
        "answers": ANSWERS,
        "outcomes": [
            {"member_id": str(member_id), "outcome": outcome}
            for member_id, outcome in zip(household.members, found, strict=True)
        ],
        "evidence": [photo(household)],
        **changed,
    }


def photo(household: HouseholdRegistered, number: int = 1) -> dict[str, Any]:
    digest = sha256(f"{household.household_id} {number}".encode()).hexdigest()
    return {"sha256": digest, "captured_at": "2022-12-05T01:30:00Z", "latitude": -0.46, "longitude": 117.15}
