"""Two enrolments that exclude each other: the later one rests until a person has decided."""

from __future__ import annotations

from services.programs.rules.household import Held


def is_later(own: Held, other: Held) -> bool:
    """Whether our enrolment began after the other. Both agencies come to the same answer, each on its own."""
    return (own.started_on, own.enrolment_id.bytes) > (other.started_on, other.enrolment_id.bytes)
