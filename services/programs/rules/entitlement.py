"""How much an enrolment gives, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.programs.rules.household import Household
from services.programs.rules.programme import Programme


@dataclass(frozen=True, slots=True)
class Entitled:
    """What a household is entitled to for one period."""

    members: tuple[UUID, ...]
    rupiah: int

    @property
    def persons(self) -> int:
        return len(self.members)

    def without(self, paid: frozenset[UUID]) -> Entitled:
        """The same less the persons who have their share for the period already; for what is given per person."""
        left = tuple(member for member in self.members if member not in paid)
        return self if left == self.members else Entitled(left, self.rupiah // len(self.members) * len(left))


def entitlement_of(programme: Programme, household: Household) -> Entitled:
    """For one period, counting only members who are confirmed and stand in the closed list where there is one.

    "Rp 300 ribu per orang" (Samarinda, 5 December 2022) counts persons; a capital grant or a house counts once.
    """
    members = tuple(household.beneficiaries(programme.cohort))
    units = len(members) if programme.benefit.per == "person" else min(1, len(members))
    return Entitled(members, units * programme.benefit.rupiah)


def units_taken(programme: Programme, persons: int) -> int:
    """What an enrolment takes of a quota: its persons where persons are counted, else one place."""
    return persons if programme.unit == "person" else 1
