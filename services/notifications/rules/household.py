"""What is known of one household, folded from the facts of all agencies about it, whatever order they arrived in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias, cast, get_args
from uuid import UUID

from services.notifications.rules.benefits import OF_ENROLMENT, Enrolment, EnrolmentKey, OfEnrolment, enrolment_of
from services.notifications.rules.dated import Dated, Span
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
_Roster: TypeAlias = HouseholdRegistered | HouseholdUpdated | HouseholdWithdrawn
_OF_ROSTER, _OF_CASE, _DECISIONS = (frozenset[type](get_args(kinds)) for kinds in (_Roster, OfCase, Decision))
_OPEN_AFTER = frozenset[type]({VerificationOpened, VisitRecorded, VerificationRevoked})


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


def state_of(facts: Iterable[Dated]) -> HouseholdState:
    """What the facts about one household say together."""
    known = _Known()
    for fact in facts:
        known.add(fact)
    return known.state()


def history_of(facts: Iterable[Dated]) -> list[Span[HouseholdState]]:
    """How a household stood in the course of time: a span holds what the facts said together until it ended.

    A fact costs what it touches, however long the history is.
    """
    known = _Known()
    spans: list[Span[HouseholdState]] = []
    for moment, together in groupby(sorted(facts, key=_moment), key=_moment):
        for fact in together:
            known.add(fact)
        state = known.state()
        if spans and spans[-1].value == state:
            continue
        if spans:
            spans[-1] = Span(spans[-1].since, moment, spans[-1].value)
        spans.append(Span(moment, None, state))
    return spans


_moment = attrgetter("at")


class _Known:
    """Facts about one household, in the parts that each can change: only those are worked out anew."""

    def __init__(self) -> None:
        self._facts: list[Dated] = []
        self._roster: _Roster | None = None
        self._of_case: dict[tuple[str, UUID], list[Dated]] = {}
        self._cases: dict[tuple[str, UUID], _Case] = {}
        self._of_enrolment: dict[EnrolmentKey, list[Dated]] = {}
        self._enrolments: dict[EnrolmentKey, Enrolment] = {}
        self._touched_cases: set[tuple[str, UUID]] = set()
        self._touched_enrolments: set[EnrolmentKey] = set()

    def add(self, fact: Dated) -> None:
        self._facts.append(fact)
        # By their very classes: asking a contract whether an event is one of its own costs many times as much.
        kind = type(fact.event)
        if kind in _OF_ROSTER:
            roster = cast("_Roster", fact.event)
            if self._roster is None or roster.revision > self._roster.revision:
                self._roster = roster
        elif kind in _OF_CASE:
            case = fact.source, cast("OfCase", fact.event).case_id
            self._of_case.setdefault(case, []).append(fact)
            self._touched_cases.add(case)
        elif kind in OF_ENROLMENT:
            enrolment = fact.agency, cast("OfEnrolment", fact.event).enrolment_id
            self._of_enrolment.setdefault(enrolment, []).append(fact)
            self._touched_enrolments.add(enrolment)

    def state(self) -> HouseholdState:
        self._work_out_what_was_touched()
        roster, cases = self._roster, self._cases.values()
        registered = None if roster is None or isinstance(roster, HouseholdWithdrawn) else roster
        decided = max((case for case in cases if case.decision is not None), key=_rank, default=None)
        return HouseholdState(
            region=roster.region if roster else _any_region(self._facts),
            registered=registered is not None,
            persons=registered.persons if registered else 0,
            members=tuple(registered.members) if registered else (),
            withdrawn_reason=roster.reason if isinstance(roster, HouseholdWithdrawn) else None,
            being_verified=any(case.open for case in cases),
            decision=decided.decision if decided else None,
            decided_by=decided.last.agency if decided else None,
            verified_before=decided is not None
            and any(isinstance(each.decision, HouseholdVerified) and each.round < decided.round for each in cases),
            enrolments=self._enrolments,
        )

    def _work_out_what_was_touched(self) -> None:
        for case in self._touched_cases:
            self._cases[case] = _case(sorted(self._of_case[case], key=_position))
        self._touched_cases.clear()
        if self._touched_enrolments:
            # Never changed in place: states of earlier moments hold it.
            anew = {
                (agency, enrolment): enrolment_of(enrolment, self._of_enrolment[agency, enrolment])
                for agency, enrolment in self._touched_enrolments
            }
            self._enrolments = dict(sorted((self._enrolments | anew).items()))
            self._touched_enrolments.clear()


_position = attrgetter("position")


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
        return type(self.last.event) in _OPEN_AFTER


def _case(facts: Sequence[Dated]) -> _Case:
    decision: Decision | None = None
    number = 0
    for fact in facts:
        kind = type(fact.event)
        if kind in _DECISIONS:
            decision = cast("Decision", fact.event)
        elif kind is VerificationRevoked:
            decision = None
        number = getattr(fact.event, "round", number)
    return _Case(facts[-1], decision, number)


def _rank(case: _Case) -> tuple[int, object, str, str]:
    """Later rounds count more; of two authorities in the same round, who spoke last."""
    assert case.decision is not None  # noqa: S101 - only decided cases are ranked
    return case.round, case.last.at, case.last.source, str(case.decision.case_id)
