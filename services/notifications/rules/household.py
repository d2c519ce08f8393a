"""What is known of one household, folded from the facts of all agencies about it, whatever order they arrived in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from services.notifications.rules.benefits import Enrolment, EnrolmentKey, enrolments_of
from services.notifications.rules.dated import Dated
from shared.events.fields import MemberOutcome
from shared.events.intake import CohortEntryResolved, HouseholdRegistered, HouseholdUpdated, HouseholdWithdrawn
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationClosed,
    VerificationExpired,
    VerificationOpened,
    VerificationRevoked,
    VisitRecorded,
)

Decision: TypeAlias = HouseholdVerified | HouseholdRejected
OfCase: TypeAlias = (
    Decision | VerificationOpened | VisitRecorded | VerificationRevoked | VerificationExpired | VerificationClosed
)


@dataclass(frozen=True, slots=True)
class HouseholdState:
    """A household as of some moment."""

    region: str | None = None
    registered: bool = False
    """In the register and not withdrawn from it."""
    persons: int = 0
    members: tuple[UUID, ...] = ()
    withdrawn_reason: str | None = None
    being_verified: bool = False
    """A case is open, or its decision was taken back and is to be taken again."""
    decision: Decision | None = None
    """The decision that stands: of the latest round whose decision was not revoked. It stands while it has expired."""
    decided_by: str | None = None
    """The agency that took it."""
    verified_before: bool = False
    """An earlier round than that of ``decision`` had verified the household."""
    enrolments: Mapping[EnrolmentKey, Enrolment] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        return isinstance(self.decision, HouseholdVerified)

    @property
    def confirmed(self) -> frozenset[UUID]:
        """The members whom the standing verification found."""
        if not isinstance(self.decision, HouseholdVerified):
            return frozenset()
        return frozenset(each.member_id for each in self.decision.outcomes if each.outcome is MemberOutcome.CONFIRMED)

    def outcome_of(self, member: UUID | None) -> MemberOutcome | None:
        """What the standing decision says about a member; None where it says nothing."""
        if self.decision is None or member is None:
            return None
        return next((each.outcome for each in self.decision.outcomes if each.member_id == member), None)

    def serves(self, member: UUID | None) -> bool:
        """Whether money or a service that stands reached this member."""
        return any(enrolment.served and enrolment.benefits(member) for enrolment in self.enrolments.values())


def state_of(facts: Sequence[Dated]) -> HouseholdState:
    """What the facts about one household say together."""
    roster = _latest_roster(facts)
    cases = _cases(facts)
    decided = max((case for case in cases if case.decision is not None), key=_rank, default=None)
    return HouseholdState(
        region=roster.region if roster else _any_region(facts),
        registered=roster is not None and not isinstance(roster, HouseholdWithdrawn),
        persons=0 if roster is None or isinstance(roster, HouseholdWithdrawn) else roster.persons,
        members=() if roster is None or isinstance(roster, HouseholdWithdrawn) else tuple(roster.members),
        withdrawn_reason=roster.reason if isinstance(roster, HouseholdWithdrawn) else None,
        being_verified=any(case.open for case in cases),
        decision=decided.decision if decided else None,
        decided_by=decided.last.agency if decided else None,
        verified_before=decided is not None
        and any(isinstance(each.decision, HouseholdVerified) and each.round < decided.round for each in cases),
        enrolments=enrolments_of(facts),
    )


def _latest_roster(facts: Iterable[Dated]) -> HouseholdRegistered | HouseholdUpdated | HouseholdWithdrawn | None:
    """The roster of the highest revision."""
    return max(
        (
            fact.event
            for fact in facts
            if isinstance(fact.event, (HouseholdRegistered, HouseholdUpdated, HouseholdWithdrawn))
        ),
        key=lambda roster: roster.revision,
        default=None,
    )


def _any_region(facts: Sequence[Dated]) -> str | None:
    """The region of a household that intake has not told of yet: as its latest other fact says."""
    said = [fact for fact in facts if not isinstance(fact.event, CohortEntryResolved)] or facts
    latest = max(said, key=lambda fact: (fact.at, fact.source, fact.position), default=None)
    return getattr(latest.event, "region", None) if latest else None


@dataclass(frozen=True, slots=True)
class _Case:
    """One case of verification. A case is of one source, so that its facts have one order."""

    last: Dated
    decision: Decision | None
    round: int

    @property
    def open(self) -> bool:
        return isinstance(self.last.event, (VerificationOpened, VisitRecorded, VerificationRevoked))


def _cases(facts: Iterable[Dated]) -> list[_Case]:
    of_case: dict[tuple[str, UUID], list[Dated]] = {}
    for fact in facts:
        if isinstance(fact.event, OfCase):
            of_case.setdefault((fact.source, fact.event.case_id), []).append(fact)
    return [_case(sorted(each, key=lambda fact: fact.position)) for each in of_case.values()]


def _case(facts: Sequence[Dated]) -> _Case:
    decision: Decision | None = None
    number = 0
    for fact in facts:
        if isinstance(fact.event, (HouseholdVerified, HouseholdRejected)):
            decision = fact.event
        elif isinstance(fact.event, VerificationRevoked):
            decision = None
        number = getattr(fact.event, "round", number)
    return _Case(facts[-1], decision, number)


def _rank(case: _Case) -> tuple[int, object, str, str]:
    """Later rounds count more; of two authorities in the same round, who spoke last."""
    assert case.decision is not None  # noqa: S101 - only decided cases are ranked
    return case.round, case.last.at, case.last.source, str(case.decision.case_id)
