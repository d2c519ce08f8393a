"""When a household may leave because it succeeded, and when somebody may decide it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.programs.rules.graduation import may_be_decided, may_be_proposed, objections_until
from tests.services.programs.rules.facts import programme

UEP = programme("uep-samarinda-2023")
START = date(2023, 1, 1)
GOOD: dict[str, Any] = {
    "enrolled_on": START,
    "services": {"coaching": 1},
    "evidenced": ["business-continues", "profit", "savings"],
    "reason": "income-risen",
    "today": START + timedelta(days=90),
}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"today": START + timedelta(days=89)}, ["graduation-too-early"]),
        ({"services": {"training": 3}}, ["too-few-services"]),
        ({"evidenced": ["profit"]}, ["criterion-not-evidenced"]),
        ({"reason": "rich-now"}, ["graduation-reason-unknown"]),
        (
            {"services": {}, "evidenced": [], "today": START},
            ["graduation-too-early", "too-few-services", "criterion-not-evidenced"],
        ),
    ],
)
def test_a_graduation_needs_time_coaching_and_evidence(changes: dict[str, Any], reasons: list[str]) -> None:
    assert may_be_proposed(UEP, **{**GOOD, **changes}).codes == reasons


def test_a_programme_without_graduation_says_so() -> None:
    assert may_be_proposed(programme(), **GOOD).codes == ["programme-has-no-graduation"]


@pytest.mark.parametrize(
    ("days", "open_ones", "reasons"),
    [
        (14, 0, ["objection-window-open"]),
        (15, 0, []),
        (15, 2, ["objection-unanswered"]),
        (0, 1, ["objection-window-open", "objection-unanswered"]),
    ],
)
def test_nobody_decides_before_objections_are_over_and_answered(days: int, open_ones: int, reasons: list[str]) -> None:
    decision = may_be_decided(
        objections_until=objections_until(UEP, START),
        objections_open=open_ones,
        today=START + timedelta(days=days),
    )
    assert decision.codes == reasons
