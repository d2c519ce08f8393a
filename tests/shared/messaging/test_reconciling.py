"""What reconcile counts: a fact that was said in two versions is one, however many numbers that took."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.messaging.reconcile import Wording, said_again

VISIT, DECISION = "id.tuntas.visit.recorded", "id.tuntas.household.verified"
Said = tuple[str, str, str]
"""A type with its version, a time, a correlation id."""


def wording(type_name: str, time: str, correlation_id: str) -> Wording:
    return Wording.of({"ce_type": type_name, "ce_time": time, "ce_correlationid": correlation_id})


@pytest.mark.parametrize(
    ("said", "again"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([(f"{VISIT}.v1", "9:00", "a"), (f"{DECISION}.v1", "9:01", "b")], 0, id="two-facts"),
        pytest.param([(f"{VISIT}.v1", "9:00", "a"), (f"{VISIT}.v1", "9:00", "a")], 0, id="one-kind-twice-in-a-request"),
        pytest.param([(f"{VISIT}.v1", "9:00", "a"), (f"{VISIT}.v2", "9:00", "a")], 1, id="in-two-versions"),
        pytest.param([(f"{VISIT}.v{each}", "9:00", "a") for each in (1, 2, 1, 2)], 2, id="two-facts-in-two-versions"),
        pytest.param([(f"{VISIT}.v{each}", "9:00", "a") for each in (1, 2, 3)], 2, id="in-three-versions"),
        pytest.param([(f"{VISIT}.v1", "9:00", "a"), (f"{VISIT}.v2", "9:01", "a")], 0, id="at-another-time"),
        pytest.param([(f"{VISIT}.v1", "9:00", "a"), (f"{VISIT}.v2", "9:00", "b")], 0, id="of-another-cause"),
        pytest.param(
            [(f"{VISIT}.v1", "9:00", "a"), (f"{DECISION}.v1", "9:00", "a"), (f"{VISIT}.v2", "9:00", "a")],
            0,
            id="not-one-after-the-other",
        ),
    ],
)
def test_a_fact_in_two_versions_is_one(said: Sequence[Said], again: int) -> None:
    assert said_again({number: wording(*each) for number, each in enumerate(said, 1)}) == again
