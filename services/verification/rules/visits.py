"""What may be wrong with the record of a visit, apart from the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.verification.rules.questionnaire import Questionnaire
from shared.events.fields import MemberOutcome
from shared.problem import Finding

CLOCK_SKEW_MAX = timedelta(minutes=10)
"""Phones are not set exactly: a photo may carry a time that lies so far ahead of ours."""


@dataclass(frozen=True, slots=True)
class OutcomeFound:
    """What the officer found about one member."""

    member_id: UUID
    outcome: MemberOutcome


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as evidence: its digest and when the phone took it."""

    sha256: str
    captured_at: datetime


def findings_in_outcomes(roster: Sequence[UUID], outcomes: Sequence[OutcomeFound]) -> Iterator[Finding]:
    """Every member of the register has exactly one outcome, and nobody else has one."""
    said = Counter(each.member_id for each in outcomes)
    for member_id in roster:
        if member_id not in said:
            yield Finding("member-outcome-missing", "outcomes", {"member_id": member_id})
    for member_id, times in said.items():
        if member_id not in roster:
            yield Finding("member-unknown", "outcomes", {"member_id": member_id})
        elif times > 1:
            yield Finding("member-outcome-twice", "outcomes", {"member_id": member_id})


def findings_in_dates(questionnaire: Questionnaire, visited_on: date, today: date) -> Iterator[Finding]:
    """A visit has happened, and while its questionnaire was valid."""
    if visited_on > today:
        yield Finding("day-in-future", "visited_on")
    elif not questionnaire.holds_on(visited_on):
        yield Finding("questionnaire-not-valid-then", "questionnaire")


def findings_in_photos(questionnaire: Questionnaire, photos: Sequence[Photo], now: datetime) -> Iterator[Finding]:
    """Enough photos, not too many, each once, none taken in the future."""
    if len(photos) < questionnaire.photos_min:
        yield Finding("photos-too-few", "evidence", {"least": questionnaire.photos_min})
    if len(photos) > questionnaire.photos_max:
        yield Finding("photos-too-many", "evidence", {"most": questionnaire.photos_max})
    if len({photo.sha256 for photo in photos}) < len(photos):
        yield Finding("photo-twice", "evidence")
    if any(photo.captured_at > now + CLOCK_SKEW_MAX for photo in photos):
        yield Finding("photo-from-future", "evidence")


def confirmed(outcomes: Sequence[OutcomeFound]) -> tuple[UUID, ...]:
    """The members who live there."""
    return tuple(each.member_id for each in outcomes if each.outcome is MemberOutcome.CONFIRMED)
