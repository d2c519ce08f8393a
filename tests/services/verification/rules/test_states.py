"""The course of a case, as a table and as every walk through it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verification.rules.states import OPEN, TO_VISIT, TRANSITIONS, CaseState, Step, after

ENDS = {CaseState.REVOKED, CaseState.EXPIRED, CaseState.WITHDRAWN}
STEPS = st.lists(st.sampled_from(Step), max_size=40)


@pytest.mark.parametrize(
    ("state", "step", "next_state"),
    [
        ("proposed", "assign", "assigned"),
        ("proposed", "visit", None),
        ("assigned", "visit", "visited"),
        ("assigned", "verify", None),
        ("visited", "verify", "verified"),
        ("visited", "reject", "rejected"),
        ("visited", "return", "returned"),
        ("visited", "visit", None),
        ("returned", "visit", "visited"),
        ("returned", "verify", None),
        ("verified", "reject", None),
        ("verified", "revoke", "revoked"),
        ("verified", "expire", "expired"),
        ("verified", "withdraw", None),
        ("rejected", "revoke", "revoked"),
        ("rejected", "expire", None),
    ],
)
def test_a_step_leads_where_the_table_says(state: str, step: str, next_state: str | None) -> None:
    assert after(CaseState(state), Step(step)) == (CaseState(next_state) if next_state else None)


def walk(steps: list[Step]) -> list[tuple[CaseState, Step, CaseState]]:
    """The steps that were allowed, from a new case on."""
    state, taken = CaseState.PROPOSED, []
    for step in steps:
        following = after(state, step)
        if following is not None:
            taken.append((state, step, following))
            state = following
    return taken


@given(STEPS)
def test_nothing_follows_an_end(steps: list[Step]) -> None:
    assert all(before not in ENDS for before, _, _ in walk(steps))


@given(STEPS)
def test_a_verification_always_rests_on_a_visit_to_an_assigned_case(steps: list[Step]) -> None:
    taken = walk(steps)
    for place, (before, step, _) in enumerate(taken):
        if step in {Step.VERIFY, Step.REJECT, Step.RETURN}:
            earlier = [each for _, each, _ in taken[:place]]
            assert before is CaseState.VISITED
            assert Step.ASSIGN in earlier
            assert earlier[-1] is Step.VISIT


@given(STEPS)
def test_a_case_has_at_most_one_decision_that_counts(steps: list[Step]) -> None:
    decided = [step for _, step, _ in walk(steps) if step in {Step.VERIFY, Step.REJECT}]
    assert len(decided) <= 1


@given(STEPS)
def test_what_is_closed_is_never_open_again(steps: list[Step]) -> None:
    states = [following for _, _, following in walk(steps)]
    closed = [place for place, state in enumerate(states) if state not in OPEN]
    assert not closed or all(state not in OPEN for state in states[closed[0] :])


def test_every_state_is_reached_and_every_step_used() -> None:
    assert set(TRANSITIONS.values()) == set(CaseState)
    assert {step for _, step in TRANSITIONS} == set(Step)
    assert TO_VISIT < OPEN
