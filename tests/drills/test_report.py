"""The programme of drills as whoever started it hears of it: a drill that was not played is not well."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.drills.__main__ import Line
from tests.drills.scene import Drill, Outcome


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [
        pytest.param([Outcome(), Outcome()], [], id="two-seeds-well"),
        pytest.param([Outcome(), Outcome(failed=["gone"])], ["seed 1: gone"], id="one-of-two-failed"),
        pytest.param([], ["no seed was played"], id="none-played"),
    ],
)
def test_a_drill_is_well_that_was_played_and_did_not_fail(outcomes: list[Outcome], failures: list[str]) -> None:
    line = Line(Drill(7, "a drill"), seeds=list(range(len(outcomes))), outcomes=outcomes)
    assert line.failures == line.as_dict()["failed"] == failures
    assert line.is_well == (not failures)


def test_a_wrong_that_is_counted_is_not_well_either() -> None:
    assert not Line(Drill(7, "a drill"), seeds=[1], outcomes=[Outcome(lost=1)]).is_well


@pytest.mark.parametrize("words", [["--seeds", "0"], ["--minutes", "0"]])
def test_a_programme_in_which_nothing_is_played_is_refused(words: list[str]) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "tests.drills", "--only", "15", *words], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert "nothing would be played" in asked.stderr
