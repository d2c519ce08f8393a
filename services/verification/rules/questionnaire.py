"""A versioned questionnaire and what may be wrong with the answers to it. Its questions are data (questionnaires/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.problem import Finding

Answer = bool | int | str
Answers = Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Condition:
    """Asked only where another question has one of these answers."""

    question: str
    answers: tuple[bool | str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``number`` is its place on the form that the codes come from."""

    name: str
    kind: Literal["yes-no", "code", "integer", "rupiah"]
    number: str | None = None
    codes: tuple[str, ...] = ()
    least: int = 0
    most: int = 999_999_999_999
    required: bool = True
    asked_if: Condition | None = None


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A version of the visit form, valid for visits from ``valid_from`` to ``valid_to`` (both included)."""

    code: str
    source: str
    valid_from: date
    valid_to: date | None
    photos_min: int
    photos_max: int
    no_answer_reasons: tuple[str, ...]
    questions: tuple[Question, ...]

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def findings_in(questionnaire: Questionnaire, answers: Answers) -> list[Finding]:
    """Everything that is wrong with a set of answers; empty where the form is complete. Never repeats an answer."""
    known = {question.name for question in questionnaire.questions}
    found = [Finding("question-unknown", _place(name)) for name in answers if name not in known]
    for question in questionnaire.questions:
        found.extend(_of_question(question, answers))
    return found


def _of_question(question: Question, answers: Answers) -> Iterator[Finding]:
    answer, place = answers.get(question.name), _place(question.name)
    if not is_asked(question, answers):
        if answer is not None:
            yield Finding("answer-not-asked", place)
    elif answer is None:
        if question.required:
            yield Finding("answer-missing", place)
    elif question.kind == "yes-no":
        if not isinstance(answer, bool):
            yield Finding("answer-not-yes-or-no", place)
    elif question.kind == "code":
        if answer not in question.codes:
            yield Finding("answer-code-unknown", place)
    elif isinstance(answer, bool) or not isinstance(answer, int):
        yield Finding("answer-not-whole-number", place)
    elif not question.least <= answer <= question.most:
        yield Finding("answer-out-of-range", place, {"least": question.least, "most": question.most})


def is_asked(question: Question, answers: Answers) -> bool:
    """Whether the answers before it lead to a question."""
    condition = question.asked_if
    return condition is None or answers.get(condition.question) in condition.answers


def _place(name: str) -> str:
    # A client's word is repeated only where it looks like the name of a question.
    return f"answers.{name}" if name.isidentifier() and len(name) <= 40 else "answers"
