"""The tables of verification: its own decisions, and read tables that are folded from what others announce."""

from services.verification.models.metadata import Base
from services.verification.models.own import Assignment, Case, Decision, Evidence, OverdueNotice, Visit
from services.verification.models.seen import CohortEntry, DuplicateQuestion, Household, HouseholdFeatures

READ_MODELS = (Household, HouseholdFeatures, CohortEntry, DuplicateQuestion)
"""Rebuilt from the bus at any time; everything else is ours alone."""

__all__ = [
    "READ_MODELS",
    "Assignment",
    "Base",
    "Case",
    "CohortEntry",
    "Decision",
    "DuplicateQuestion",
    "Evidence",
    "Household",
    "HouseholdFeatures",
    "OverdueNotice",
    "Visit",
]
