"""The outcome of an entry, by its precedence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.intake.rules.closed_lists import Evidence, resolve
from shared.events.fields import CohortOutcome

HOUSEHOLD, MEMBER, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
SOUND = Evidence(
    refusals=(),
    is_earlier_on_list=False,
    is_held=False,
    known_to_registry=True,
    household_id=HOUSEHOLD,
    member=(HOUSEHOLD, MEMBER),
)


def changed(**changes: Any) -> Evidence:
    return Evidence(**{name: changes.get(name, getattr(SOUND, name)) for name in SOUND.__slots__})


@pytest.mark.parametrize(
    ("changes", "outcome", "reasons"),
    [
        ({}, CohortOutcome.MEMBER, ()),
        ({"known_to_registry": None}, CohortOutcome.MEMBER, ()),
        ({"known_to_registry": False}, CohortOutcome.UNMATCHED, ("civil-registry-no-match",)),
        ({"member": None}, CohortOutcome.UNMATCHED, ("not-in-register",)),
        ({"is_held": True}, CohortOutcome.DUPLICATE, ("held-in-register",)),
        ({"is_earlier_on_list": True}, CohortOutcome.DUPLICATE, ("earlier-on-the-list",)),
        ({"is_earlier_on_list": True, "known_to_registry": False}, CohortOutcome.DUPLICATE, ("earlier-on-the-list",)),
        ({"refusals": ("nik-length",), "is_earlier_on_list": True}, CohortOutcome.DAMAGED, ("nik-length",)),
    ],
)
def test_an_entry_has_the_first_outcome_that_holds(
    changes: dict[str, Any], outcome: CohortOutcome, reasons: tuple[str, ...]
) -> None:
    found = resolve(changed(**changes))
    assert (found.outcome, found.reasons) == (outcome, reasons)


@pytest.mark.parametrize("changes", [{"refusals": ("nik-length",)}, {"is_held": True}, {"is_earlier_on_list": True}])
def test_an_entry_that_is_no_member_belongs_to_its_familys_household(changes: dict[str, Any]) -> None:
    found = resolve(changed(**changes, member=(OTHER, MEMBER)))
    assert (found.household_id, found.member_id, found.waits) == (HOUSEHOLD, None, False)


def test_whom_the_registry_does_not_know_is_linked_all_the_same() -> None:
    found = resolve(changed(known_to_registry=False))
    assert (found.household_id, found.member_id, found.waits) == (HOUSEHOLD, MEMBER, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"member": None},
        {"member": None, "household_id": None},
        {"member": None, "known_to_registry": False},
        {"refusals": ("name-empty",), "household_id": None},
    ],
)
def test_an_entry_whose_household_or_person_is_missing_waits_for_the_register(changes: dict[str, Any]) -> None:
    assert resolve(changed(**changes)).waits
