"""Tables of intake. Identity is sealed under a key per household; what may be searched is a keyed index."""

from services.intake.models.cases import OpenCase
from services.intake.models.cohorts import Cohort, CohortEntry
from services.intake.models.duplicates import HeldRow
from services.intake.models.households import FamilyCard, Household, HouseholdReference, Member
from services.intake.models.imports import Import, ImportPart, ImportReject
from services.intake.models.kinds import Base, table

__all__ = [
    "Base",
    "Cohort",
    "CohortEntry",
    "FamilyCard",
    "HeldRow",
    "Household",
    "HouseholdReference",
    "Import",
    "ImportPart",
    "ImportReject",
    "Member",
    "OpenCase",
    "table",
]
