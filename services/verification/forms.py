"""Reads the questionnaires and scoring rules that ship with the service, and refuses them when one is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from services.verification.rules.facts import READ_BY_RULES
from services.verification.rules.questionnaire import Questionnaire
from services.verification.rules.scoring import SCORED, ScoringRule

T = TypeVar("T")


class FormError(ValueError):
    """A file is not acceptable. The message names the file and each wrong place."""


class Forms:
    """All versions of the questionnaires and of the scoring rule; a rule holds on every day a questionnaire does."""

    def __init__(self, questionnaires: Iterable[Questionnaire], rules: Iterable[ScoringRule]) -> None:
        self.questionnaires = {each.code: each for each in questionnaires}
        self.rules = {each.code: each for each in rules}
        for each in self.questionnaires.values():
            self.rule_on(each.valid_from)

    def rule_on(self, day: date) -> ScoringRule:
        """The rule that held on a day; where two overlap, the one that began later. Raises FormError for none."""
        holding = [rule for rule in self.rules.values() if rule.holds_on(day)]
        if not holding:
            raise FormError(f"no scoring rule holds on {day}")
        return max(holding, key=lambda rule: rule.valid_from)


@cache
def forms() -> Forms:
    """The forms of this installation. Raises FormError."""
    return Forms(
        [
            _checked(name, form, mistakes_in_questionnaire(form))
            for name, form in _read("questionnaires", Questionnaire)
        ],
        [_checked(name, rule, mistakes_in_rule(rule)) for name, rule in _read("scoring", ScoringRule)],
    )


def mistakes_in_questionnaire(form: Questionnaire) -> Iterator[str]:
    """What would make answers impossible to give or to score."""
    names = [question.name for question in form.questions]
    yield from (f"question {name} stands twice" for name in {name for name in names if names.count(name) > 1})
    yield from (f"no question {name}, which the rules read" for name in sorted(READ_BY_RULES - set(names)))
    for place, question in enumerate(form.questions):
        if question.kind == "code" and not question.codes:
            yield f"{question.name} has no codes"
        if question.asked_if and question.asked_if.question not in names[:place]:
            yield f"{question.name} depends on {question.asked_if.question}, which is not asked before it"


def mistakes_in_rule(rule: ScoringRule) -> Iterator[str]:
    """What would leave a criterion without points or a category out of reach."""
    if set(rule.points) != SCORED:
        yield f"points are wanted for exactly {', '.join(sorted(SCORED))}"
    limits = rule.thresholds
    if not 0 < limits.vulnerable < limits.poor < limits.extreme_poor:
        yield "thresholds must rise from vulnerable over poor to extreme_poor"


def _checked(name: str, form: T, mistakes: Iterable[str]) -> T:
    if found := list(mistakes):
        raise FormError("\n".join([f"{name} is not acceptable", *(f"  {mistake}" for mistake in found)]))
    return form


def _read(folder: str, kind: type[T]) -> Iterator[tuple[str, T]]:
    adapter = TypeAdapter(kind)
    here = files("services.verification").joinpath(folder)
    for each in sorted(here.iterdir(), key=lambda entry: entry.name):
        if not each.name.endswith(".yaml"):
            continue
        try:
            form = adapter.validate_python(yaml.safe_load(each.read_text(encoding="utf-8")))
        except (yaml.YAMLError, ValidationError) as wrong:
            raise FormError(f"{folder}/{each.name} is not acceptable: {wrong}") from None
        yield f"{folder}/{each.name}", form
