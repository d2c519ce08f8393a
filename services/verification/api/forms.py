"""The questionnaires and code lists, so that a phone can ask and an officer can choose."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from services.verification.api.who import Reader
from services.verification.forms import forms
from services.verification.rules.decisions import (
    CATEGORY_REASONS,
    REJECTION_REASONS,
    RETURN_REASONS,
    REVOCATION_REASONS,
)
from services.verification.words import answer_words, reason_words
from shared.problem import Problem
from shared.texts import text
from shared.web import EdgeRoute, LocaleDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["forms"])


@router.get("/questionnaires/{code}")
async def show_questionnaire(code: str, caller: Reader, locale: LocaleDep) -> dict[str, Any]:  # noqa: ARG001
    """A questionnaire as a phone needs it: questions in order, their codes, when each is asked, and the wording."""
    form = forms().questionnaires.get(code)
    if form is None:
        raise Problem("questionnaire-not-found", status=404)
    shown = asdict(form)
    for question in shown["questions"]:
        name = question["name"]
        question["text"] = text(f"question.{name}", locale)
        question["words"] = {code: answer_words(name, code, locale) for code in question["codes"]}
    return shown


@router.get("/reasons")
async def show_reasons(caller: Reader, locale: LocaleDep) -> dict[str, dict[str, str]]:  # noqa: ARG001
    """The code lists of decisions, with the words for people."""
    lists = {
        "rejection": REJECTION_REASONS,
        "return": RETURN_REASONS,
        "revocation": REVOCATION_REASONS,
        "category": CATEGORY_REASONS,
    }
    return {name: {code: reason_words(code, locale) for code in sorted(codes)} for name, codes in lists.items()}
