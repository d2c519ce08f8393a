"""In which of eleven buckets a person of a closed list is (Inpres 4/2022: the list is worked through to its end)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.notifications.rules.dated import Dated, Span
from services.notifications.rules.household import HouseholdState
from shared.events.fields import Category, CohortOutcome, MemberOutcome
from shared.events.intake import CohortEntryResolved
from shared.events.verification import HouseholdRejected, HouseholdVerified


class Bucket(StrEnum):
    """In the order of the work: still to be done, dealt with, out of the list."""

    UNTOUCHED = "untouched"
    IN_VERIFICATION = "in_verification"
    WAITING = "waiting"
    SERVED = "served"
    EXITED = "exited"
    MOVED = "moved"
    DIED = "died"
    INELIGIBLE = "ineligible"
    DUPLICATE = "duplicate"
    UNMATCHED = "unmatched"
    DAMAGED = "damaged"


STILL_TO_DO = (Bucket.UNTOUCHED, Bucket.IN_VERIFICATION, Bucket.WAITING)

OF_THE_LIST: Mapping[CohortOutcome, Bucket] = {
    CohortOutcome.DAMAGED: Bucket.DAMAGED,
    CohortOutcome.DUPLICATE: Bucket.DUPLICATE,
    CohortOutcome.UNMATCHED: Bucket.UNMATCHED,
}
OF_THE_MEMBER: Mapping[MemberOutcome, Bucket] = {
    MemberOutcome.DIED: Bucket.DIED,
    MemberOutcome.MOVED: Bucket.MOVED,
    MemberOutcome.DUPLICATE: Bucket.DUPLICATE,
    MemberOutcome.UNMATCHED: Bucket.UNMATCHED,
    MemberOutcome.NOT_FOUND: Bucket.UNMATCHED,
}
OF_THE_WITHDRAWAL: Mapping[str, Bucket] = {
    "died-out": Bucket.DIED,
    "duplicate": Bucket.DUPLICATE,
    "entered-in-error": Bucket.UNMATCHED,
    "merged": Bucket.DUPLICATE,
    "moved-away": Bucket.MOVED,
}
BETTER_THAN_EXTREME_POOR = frozenset({Category.POOR, Category.VULNERABLE, Category.NOT_POOR})


def bucket_of(entry: CohortEntryResolved | None, household: HouseholdState) -> Bucket:
    """The bucket of one row of a closed list: exactly one, of the first line below that holds.

    1. ``untouched``: nobody has held the row against the register yet.
    2. ``damaged``, ``duplicate``, ``unmatched``: the list's own outcome says so. Only intake changes that, by a later
       word about the row; whatever happened to the household meanwhile belongs to its other members.
    3. ``died``, ``moved``, ``duplicate``, ``unmatched`` (also: not found): the standing decision says so of this very
       person, in a confirmed family as well as in a rejected one. This comes before anything that was paid: the dead
       are not served.
    4. the bucket of the reason for which the whole household was withdrawn from the register.
    5. ``ineligible``: the standing decision rejected the household.
    6. ``exited``: a later round verified the household as better than extreme poor. Every round is decided by two
       named persons. Leaving a programme, or graduating from it, is not leaving poverty and changes nothing here.
    7. ``served``: the standing verification confirmed the person, and money or a service reached this person.
    8. ``waiting``: confirmed, and nothing yet. A payment that failed, returned or was reversed is nothing.
    9. ``in_verification``: a case is open, or its decision was taken back, or it said nothing about this person.
    10. ``untouched``: none of these.

    "Standing" = of the latest round whose decision was not revoked; while a household is visited again, or after its
    verification expired, the last decision stands.
    """
    if entry is None or entry.outcome is CohortOutcome.UNKNOWN:
        return Bucket.UNTOUCHED
    if entry.outcome in OF_THE_LIST:
        return OF_THE_LIST[entry.outcome]
    outcome = household.outcome_of(entry.member_id)
    if outcome is not None and outcome in OF_THE_MEMBER:
        return OF_THE_MEMBER[outcome]
    if household.withdrawn_reason is not None:
        return OF_THE_WITHDRAWAL.get(household.withdrawn_reason, Bucket.INELIGIBLE)
    if isinstance(household.decision, HouseholdRejected):
        return Bucket.INELIGIBLE
    if isinstance(household.decision, HouseholdVerified) and outcome is MemberOutcome.CONFIRMED:
        return _of_the_confirmed(entry, household, household.decision)
    if household.decision is not None or household.being_verified:
        return Bucket.IN_VERIFICATION
    return Bucket.UNTOUCHED


def _of_the_confirmed(entry: CohortEntryResolved, household: HouseholdState, decision: HouseholdVerified) -> Bucket:
    if household.verified_before and decision.category in BETTER_THAN_EXTREME_POOR:
        return Bucket.EXITED
    return Bucket.SERVED if household.serves(entry.member_id) else Bucket.WAITING


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entry stands: the cohort and the region are those of the list."""

    cohort: str
    region: str
    bucket: Bucket


def entry_history(
    words: Sequence[Dated], households: Mapping[UUID, Sequence[Span[HouseholdState]]]
) -> list[Span[Standing]]:
    """Where one entry stood in the course of time, from the first word about it on.

    ``words`` are all resolutions of the entry; ``households`` the histories of every household they name.
    """
    first = min(word.at for word in words)
    changes = {span.since for spans in households.values() for span in spans if span.since > first}
    moments = sorted({word.at for word in words} | changes)
    spans: list[Span[Standing]] = []
    for moment in moments:
        value = _standing([word for word in words if word.at <= moment], households, moment)
        if not spans or spans[-1].value != value:
            spans[-1:] = [*(Span(span.since, moment, span.value) for span in spans[-1:]), Span(moment, None, value)]
    return spans


def _standing(
    words: Sequence[Dated], households: Mapping[UUID, Sequence[Span[HouseholdState]]], moment: datetime
) -> Standing:
    entry = max((word.event for word in words if isinstance(word.event, CohortEntryResolved)), key=_revision)
    history = households.get(entry.household_id, ()) if entry.household_id else ()
    known = [span.value for span in history if span.since <= moment]
    return Standing(entry.cohort, entry.region, bucket_of(entry, known[-1] if known else HouseholdState()))


def _revision(entry: CohortEntryResolved) -> int:
    return entry.revision


def complete(counted: Mapping[Bucket, int], baseline_persons: int) -> dict[Bucket, int]:
    """All eleven buckets of a list; rows that nobody has looked at yet are untouched, so that the sum is the baseline.

    More resolved rows than the list has would make ``untouched`` negative: it is left visible, and reconcile tells.
    """
    buckets = {bucket: counted.get(bucket, 0) for bucket in Bucket}
    buckets[Bucket.UNTOUCHED] += baseline_persons - sum(buckets.values())
    return buckets
