"""Which facts open a case with a household, and which close it. An open case is what gives a right to its identity."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from shared.events import programs, verification
from shared.events.envelope import Event

OPENING: Final[tuple[type[Event], ...]] = (
    verification.VerificationOpened,
    programs.SlotOffered,
    programs.HouseholdEnrolled,
    programs.GraduationReversed,
)
CLOSING: Final[tuple[type[Event], ...]] = (
    verification.HouseholdVerified,
    verification.HouseholdRejected,
    verification.VerificationRevoked,
    verification.VerificationExpired,
    verification.VerificationClosed,
    programs.OfferDeclined,
    programs.EnrolmentEnded,
    programs.EnrolmentVoided,
    programs.HouseholdGraduated,
)

PURPOSES: Final = (
    "home-visit",
    "verification-decision",
    "offer",
    "enrolment",
    "payment",
    "coaching",
    "graduation",
    "grievance",
    "correction",
)
"""Why somebody may look at an identity; stands in the audit row."""


def case_of(event: Event) -> UUID:
    """The case a fact is about: the verification's case, or the household's place in a programme.

    Offer and enrolment of a household in one programme are one case: the last word on it counts.
    """
    found: UUID = getattr(event, "case_id", None) or getattr(event, "programme_id")  # noqa: B009 - of several classes
    return found
