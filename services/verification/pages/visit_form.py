"""A visit as a browser's form sends it: text fields, of which only what is asked becomes an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.verification.bodies import VisitSent
from services.verification.rules.questionnaire import Answer, Question, Questionnaire, is_asked

ANSWER = "answer."
OUTCOME = "outcome."


class VisitForm(BaseModel):
    """``answer.<question>`` and ``outcome.<member>`` come beside the named fields; photos as JSON from the script."""

    model_config = ConfigDict(extra="allow", frozen=True)

    questionnaire: str = Field(max_length=64)
    visited_on: date
    no_answer_reason: str = Field("", max_length=64)
    photos: str = Field("[]", max_length=20_000)

    def visit(self, form: Questionnaire) -> VisitSent:
        """The visit that was filled in. Raises RequestValidationError where its shape is wrong."""
        fields: Mapping[str, Any] = self.model_extra or {}
        sent = {
            "questionnaire": self.questionnaire,
            "visited_on": self.visited_on,
            "answers": None if self.no_answer_reason else answers_of(form, fields),
            "no_answer_reason": self.no_answer_reason or None,
            "outcomes": [
                {"member_id": name.removeprefix(OUTCOME), "outcome": value}
                for name, value in fields.items()
                if name.startswith(OUTCOME) and value
            ],
            "evidence": _photos(self.photos),
        }
        try:
            return VisitSent.model_validate(sent)
        except ValidationError as wrong:
            raise RequestValidationError(wrong.errors(include_url=False, include_input=False)) from None


def answers_of(form: Questionnaire, fields: Mapping[str, Any]) -> dict[str, Answer]:
    """The answers in the order of the form; what an earlier answer made pointless is left out."""
    answers: dict[str, Answer] = {}
    for question in form.questions:
        text = fields.get(ANSWER + question.name)
        if isinstance(text, str) and text.strip() and is_asked(question, answers):
            answers[question.name] = _answer(question, text.strip())
    return answers


def _answer(question: Question, text: str) -> Answer:
    """What a field means; a number that is none stays text, and the rules name it."""
    if question.kind == "yes-no":
        return {"yes": True, "no": False}.get(text, text)
    if question.kind == "code":
        return text
    digits = text.replace(".", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else text


def _photos(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []
