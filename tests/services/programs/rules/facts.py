"""Values that rules are asked with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from services.programs.programme_files import read_programme, shipped
from services.programs.rules.household import (
    Held,
    HeldStatus,
    Household,
    Member,
    Profile,
    Verification,
    VerificationStatus,
)
from services.programs.rules.programme import Programme

TODAY = date(2023, 3, 1)
A, B, C = (UUID(int=number) for number in (1, 2, 3))
HOUSEHOLD = UUID(int=100)


def programme(name: str = "blt-samarinda-2022", **changes: Any) -> Programme:
    """A shipped programme with parts replaced."""
    shipped_one = read_programme(shipped()[name], name).programme
    return Programme.model_validate(shipped_one.model_dump() | changes)


def verified(**changes: Any) -> Verification:
    good = Verification(
        VerificationStatus.VERIFIED,
        category="extreme-poor",
        score=70,
        decided_on=date(2023, 2, 20),
        valid_until=date(2024, 2, 20),
        confirmed=frozenset({A, B}),
    )
    return replace(good, **changes)


def household(**changes: Any) -> Household:
    """A family of three, two of them confirmed, all in the closed list."""
    good = Household(
        HOUSEHOLD,
        "64.72.05.1002",
        members=frozenset({A, B, C}),
        cohorts={"P3KE-9000": frozenset({A, B, C})},
        verification=verified(),
        profile=Profile(
            verified_revision=1,
            decile=1,
            members=(Member(A, "female", 1985, "head", works=True), Member(B, "male", 2012, "child", at_school=True)),
            tenure="own",
            owns_land=True,
            unfit_house=True,
            has_business=True,
            committed=True,
            income_per_person_rupiah=300_000,
        ),
    )
    return replace(good, **changes)


def held(**changes: Any) -> Held:
    """An enrolment in WRSE of the province that runs."""
    one = Held(UUID(int=7), "dinsos-kaltim", "WRSE-2023", "capital-grant", HeldStatus.ACTIVE, date(2023, 1, 1))
    return replace(one, **changes)
