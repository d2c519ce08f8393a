"""What the answers say at the door, held against the visit form and the scoring rule of the verification service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.register.generate import generate
from services.verification.forms import forms
from services.verification.rules.decisions import REJECTION_REASONS
from services.verification.rules.facts import facts_of, suggested_rejections, unfit_house
from services.verification.rules.questionnaire import findings_in
from services.verification.rules.scoring import score
from shared.events.fields import Category

FORM = forms().questionnaires["p3ke-visit-1"]
RULE = forms().rules["kemiskinan-2022-1"]
VISITED = date(2023, 2, 14)
VISITED_LATER = date(2026, 12, 1)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = generate(tmp_path_factory.mktemp("visits"))["families"]
    return described


def _visited(families: list[dict[str, Any]], result: str) -> Iterator[dict[str, Any]]:
    return (family for family in families if family["result"] == result and family["answers"] is not None)


def test_the_form_finds_nothing_wrong_with_any_answers(families: list[dict[str, Any]]) -> None:
    for family in families:
        if family["answers"] is not None:
            assert findings_in(FORM, family["answers"]) == [], family["id"]


@pytest.mark.parametrize("day", [VISITED, VISITED_LATER])
def test_every_confirmed_family_scores_as_extreme_poor(families: list[dict[str, Any]], day: date) -> None:
    for family in _visited(families, "verified"):
        assert score(RULE, facts_of(family["answers"]), day).category is Category.EXTREME_POOR, family["id"]


def test_no_rejected_family_scores_as_poor(families: list[dict[str, Any]]) -> None:
    for family in _visited(families, "rejected"):
        facts = facts_of(family["answers"])
        assert score(RULE, facts, VISITED).category is Category.NOT_POOR
        assert set(suggested_rejections(facts)) <= {family["reason"]}


def test_reasons_of_rejection_are_known_and_nobody_answers_where_nobody_is(families: list[dict[str, Any]]) -> None:
    for family in families:
        assert (family["reason"] in REJECTION_REASONS) == (family["result"] == "rejected")
        assert (family["answers"] is None) == (family["reason"] in FORM.no_answer_reasons)


def test_who_asks_for_a_house_repair_has_an_unfit_house(families: list[dict[str, Any]]) -> None:
    asking = [family for family in families if family["later"]["wants_house_repair"]]
    assert len(asking) > 51
    for family in asking:
        facts = facts_of(family["answers"])
        assert unfit_house(facts, family["confirmed"], RULE.floor_dm2_per_person_min), family["id"]


def test_files_are_written_where_they_were_asked_for(tmp_path: Path) -> None:
    generate(tmp_path / "new" / "folder", family_count=100)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "answers.json",
        "cohort.csv",
        "register.csv",
    ]
