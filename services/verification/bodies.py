"""What people and phones send, and what they are answered. Shapes only: rules judge what is in them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from services.verification.rules.decisions import DecisionKind
from services.verification.rules.questionnaire import Answer
from services.verification.rules.states import CaseState
from services.verification.rules.visits import OutcomeFound, Photo
from shared.events.fields import Category, Code, MemberOutcome, RegionCode, Sha256

BATCH_MAX = 500
"""Items in one list; a field team or a kelurahan has fewer."""
MEMBERS_MAX = 60
PHOTOS_MAX = 40
ANSWERS_MAX = 200

Subject = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]*$")]
QuestionName = Annotated[str, Field(max_length=40)]
ChosenOutcome = Literal["confirmed", "died", "moved", "not-found", "duplicate", "unmatched"]
ChosenCategory = Literal["extreme-poor", "poor", "vulnerable", "not-poor"]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class Sent(BaseModel):
    """A body that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PhotoSent(Sent):
    """A photo stays with the agency; its digest is what leaves. A position is sealed with the answers."""

    sha256: Sha256
    captured_at: AwareDatetime
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    @model_validator(mode="after")
    def _position_is_whole(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise PydanticCustomError("position-incomplete", "a position has latitude and longitude")
        return self


class MemberSent(Sent):
    """What was found about a member. The four facts replace what the register says of a confirmed one."""

    member_id: UUID
    outcome: ChosenOutcome
    at_school: StrictBool | None = None
    works: StrictBool | None = None
    disability: StrictBool | None = None
    pregnant: StrictBool | None = None


class VisitSent(Sent):
    """One visit. Where nobody answered, ``no_answer_reason`` stands in place of the answers."""

    id: UUID | None = None
    questionnaire: Code
    visited_on: date
    answers: (
        Annotated[
            dict[QuestionName, StrictBool | StrictInt | Annotated[str, Field(max_length=64)] | None],
            Field(max_length=ANSWERS_MAX),
        ]
        | None
    ) = None
    no_answer_reason: Code | None = None
    outcomes: list[MemberSent] = Field(max_length=MEMBERS_MAX)
    evidence: list[PhotoSent] = Field(max_length=PHOTOS_MAX)

    def given_answers(self) -> dict[str, Answer]:
        """The questions that have an answer."""
        return {name: answer for name, answer in (self.answers or {}).items() if answer is not None}

    def found(self) -> list[OutcomeFound]:
        return [OutcomeFound(each.member_id, MemberOutcome(each.outcome)) for each in self.outcomes]

    def photos(self) -> list[Photo]:
        return [Photo(each.sha256, each.captured_at) for each in self.evidence]


class VisitOfBatch(VisitSent):
    """A visit as a phone kept it: its id was made at the door, so that a second sync is recognised."""

    id: UUID
    case_id: UUID


class VisitsSent(Sent):
    """Each visit is judged alone, also by its shape, so that one mistake does not hold back a day's work."""

    visits: list[dict[str, Any]] = Field(min_length=1, max_length=BATCH_MAX)


class DecisionSent(Sent):
    """``category`` only where two people see the household otherwise than the score, with a reason."""

    decision: DecisionKind
    reasons: list[Code] = Field(default_factory=list, max_length=10)
    category: ChosenCategory | None = None
    category_reason: Code | None = None
    decided_on: date | None = Field(None, description="Business date; today where left out.")


class DecisionOfBatch(DecisionSent):
    case_id: UUID


class DecisionsSent(Sent):
    decisions: list[dict[str, Any]] = Field(min_length=1, max_length=BATCH_MAX)


class RevocationSent(Sent):
    decision_id: UUID
    reason: Code


class AssignmentSent(Sent):
    region: RegionCode
    officer: Subject


class AssignmentsSent(Sent):
    """Who visits where: a field verifier by the subject of their sign-in, a region of any level."""

    assignments: list[AssignmentSent] = Field(min_length=1, max_length=BATCH_MAX)


class AssignmentShown(BaseModel):
    id: UUID
    region: str
    officer: str
    made_at: datetime


class AssignmentsShown(BaseModel):
    assignments: list[AssignmentShown]
    cases_assigned: int = 0
    cases_without_officer: int = 0


class ItemResult(BaseModel):
    """What became of one item of a list. ``errors`` only where it was refused."""

    case_id: UUID | None = None
    visit_id: UUID | None = None
    decision_id: UUID | None = None
    result: Literal["recorded", "repeated", "refused"]
    errors: list[dict[str, str]] = Field(default_factory=list)


class ListResult(BaseModel):
    """In the order of the list."""

    recorded: int
    repeated: int
    refused: int
    results: list[ItemResult]

    @classmethod
    def of(cls, results: list[ItemResult]) -> Self:
        counts = {word: sum(each.result == word for each in results) for word in ("recorded", "repeated", "refused")}
        return cls(**counts, results=results)


class CaseShown(BaseModel):
    """A case in a list: ids, state and what is to be done; nothing about people."""

    case_id: UUID
    household_id: UUID
    region: str
    cohort: str | None
    round: int
    reason: str
    state: CaseState
    officer: str | None
    opened_at: datetime
    visit_due_on: date
    members: list[UUID]
    duplicate_open: bool
    visit_id: UUID | None
    decision_id: UUID | None
    valid_until: date | None
    confirmed_persons: int | None = Field(None, description="By the visit that counts.")
    score: int | None = Field(None, description="Only for those who verify; null where nobody answered.")
    category: Category | None = Field(None, description="What the score suggests; only for those who verify.")


class CasesShown(BaseModel):
    cases: list[CaseShown]
    next: UUID | None = Field(None, description="Pass as `after` for the next page; null at the end.")


class VisitShown(BaseModel):
    """A visit without its answers; those have a path of their own, on which each look is recorded."""

    visit_id: UUID
    visited_on: date
    visited_by: str
    recorded_at: datetime
    questionnaire: str
    no_answer_reason: str | None
    outcomes: list[dict[str, str]]
    confirmed_persons: int
    evidence_sha256: list[str]
    reused_photos: int = Field(description="Photos that also stand in a visit to another household.")
    rule: str
    score: int | None
    category: Category | None
    reasons: list[str]


class AnswersShown(BaseModel):
    """A visit as it was sent, and what follows from it by rule: advice for those who decide."""

    visit: VisitSent
    score_reasons: list[str]
    unfit_house: list[str]
    suggested_rejections: list[str]


class DecisionShown(BaseModel):
    decision_id: UUID
    visit_id: UUID
    decision: DecisionKind
    reasons: list[str]
    category: Category | None
    category_reason: str | None
    proposed_by: str
    decided_by: str
    decided_on: date
    valid_until: date | None
    revoked_by: str | None
    revoked_reason: str | None


class CaseInFull(CaseShown):
    visits: list[VisitShown]
    decisions: list[DecisionShown]


class PlaceProgress(BaseModel):
    """Cases of a kelurahan or desa by state, and how many of those still to be visited are overdue."""

    region: str
    cases: int
    states: dict[str, int]
    overdue: int
    without_officer: int


class Progress(BaseModel):
    places: list[PlaceProgress]
