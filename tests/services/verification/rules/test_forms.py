"""The files that ship: complete, in the words of the register, and refused when they are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from local.register.columns import CODES
from services.verification.forms import FormError, Forms, forms, mistakes_in_questionnaire, mistakes_in_rule
from services.verification.rules.decisions import (
    CATEGORY_REASONS,
    REJECTION_REASONS,
    RETURN_REASONS,
    REVOCATION_REASONS,
)
from services.verification.rules.questionnaire import Condition
from services.verification.rules.scoring import Thresholds
from services.verification.rules.states import CaseState
from services.verification.words import answer_words, reason_words
from shared.events.codes import code_lists
from shared.events.fields import Category, MemberOutcome
from shared.texts import LOCALES, Locale, text

FORM = forms().questionnaires["p3ke-visit-1"]
RULE = forms().rules["kemiskinan-2022-1"]


@pytest.mark.parametrize(
    "name",
    [
        "tenure", "land_proof", "floor", "wall", "roof", "water", "waste_distance", "light", "power", "toilet",
        "closet", "disposal",
    ],
)  # fmt: skip
def test_code_lists_are_those_of_the_register(name: str) -> None:
    question = next(question for question in FORM.questions if question.name == name)
    assert set(question.codes) == set(CODES[name].values())


def test_every_version_says_where_it_comes_from() -> None:
    assert all(form.source for form in forms().questionnaires.values())
    assert all(rule.source for rule in forms().rules.values())
    assert all(line.source for rule in forms().rules.values() for line in rule.income_lines)


@pytest.mark.parametrize("locale", LOCALES)
def test_everything_people_choose_has_words(locale: Locale) -> None:
    reasons = REJECTION_REASONS | RETURN_REASONS | REVOCATION_REASONS | CATEGORY_REASONS
    words = [reason_words(code, locale) for code in reasons]
    words += [text(f"question.{question.name}", locale) for question in FORM.questions]
    words += [answer_words(question.name, code, locale) for question in FORM.questions for code in question.codes]
    words += [text(f"no-answer.{code}", locale) for code in FORM.no_answer_reasons]
    words += [text(f"case-state.{state}", locale) for state in CaseState]
    words += [text(f"member-outcome.{each}", locale) for each in MemberOutcome if each is not MemberOutcome.UNKNOWN]
    words += [text(f"category.{each}", locale) for each in Category if each is not Category.UNKNOWN]
    assert all(words)


def test_reasons_are_those_of_the_code_lists_of_events() -> None:
    lists = code_lists()
    assert set(lists["rejection-reasons"].codes) == REJECTION_REASONS
    assert set(lists["revocation-reasons"].codes) == REVOCATION_REASONS
    assert set(lists["questionnaires"].codes) == set(forms().questionnaires)
    assert set(lists["scoring-rules"].codes) == set(forms().rules)


def test_a_form_that_rules_cannot_read_is_refused() -> None:
    without_floor = replace(FORM, questions=tuple(each for each in FORM.questions if each.name != "floor"))
    assert list(mistakes_in_questionnaire(without_floor)) == ["no question floor, which the rules read"]


def test_a_form_that_cannot_be_answered_is_refused() -> None:
    first, second, *rest = FORM.questions
    wrong = [replace(first, asked_if=Condition("committed", (True,))), replace(second, codes=()), *rest]
    assert list(mistakes_in_questionnaire(replace(FORM, questions=tuple(wrong)))) == [
        "has_shelter depends on committed, which is not asked before it",
        "tenure has no codes",
    ]


def test_a_rule_with_a_gap_is_refused() -> None:
    points = {name: value for name, value in RULE.points.items() if name != "poor-floor"}
    upside_down = Thresholds(extreme_poor=10, poor=30, vulnerable=15)
    found = list(mistakes_in_rule(replace(RULE, points=points, thresholds=upside_down)))
    assert found[0].startswith("points are wanted for exactly")
    assert found[1].startswith("thresholds must rise")


def test_a_form_that_no_rule_scores_is_refused() -> None:
    with pytest.raises(FormError, match="no scoring rule holds on 2022-12-01"):
        Forms([FORM], [replace(RULE, valid_from=date(2023, 1, 1))])


def test_the_rule_that_began_later_counts() -> None:
    newer = replace(RULE, code="kemiskinan-2023-1", valid_from=date(2023, 1, 1))
    both = Forms([FORM], [newer, RULE])
    assert [both.rule_on(day).code for day in (date(2022, 12, 31), date(2023, 1, 1))] == [RULE.code, newer.code]
