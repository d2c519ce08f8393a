"""Sleepers of the drills: each point is dealt, a process sleeps where it says, and a profile that went back is seen."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, get_args

import orjson
import pytest

from shared.messaging.points import Point
from tests.drills.nursery import Child
from tests.drills.process import DrillProcess, Forked
from tests.drills.profiles import Changing, stale
from tests.drills.relays_asleep import BEGINS_ANEW
from tests.drills.strikes import Lot, deal
from tests.fixtures import eventually

SLEEPS_THE_THIRD_TIME = """
from shared.messaging import points
from tests.drills.faults import stop_at
stop_at(None, "after-publish", "3")
for time in range(5):
    points.reached("before-publish")
    points.reached("after-publish")
    print(time, flush=True)
"""


def test_a_server_falls_at_every_point_once_and_one_of_a_role_sleeps_at_a_time() -> None:
    turns = list(deal(Random(7)))
    dealt = Counter(lot for turn in turns for lot in turn)
    assert set(dealt.values()) == {1}
    assert {lot.point for lot in dealt} == set(get_args(Point))
    assert Lot("api", "after-database-commit") in dealt
    assert [turn for turn in turns if len({lot.role for lot in turn}) < len(turn)] == []
    assert len(turns) == 5


async def test_a_process_sleeps_the_nth_time_it_comes_to_its_point_and_goes_on_from_there() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPS_THE_THIRD_TIME], stdout=subprocess.PIPE, text=True) as started:
        forked = Forked("intake.nobody", "relay", "", Path(), {})
        forked.process = Child(started.pid)  # type: ignore[assignment]
        process = DrillProcess("intake.nobody/relay", forked)
        await eventually(process.is_asleep, within=60)
        assert started.stdout is not None
        assert [started.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
        await process.resume()
        assert started.stdout.read().split() == ["2", "3", "4"]
    assert not await process.is_asleep()


@pytest.mark.parametrize(
    ("line", "begins_anew"),
    [
        pytest.param({"loop": "relay", "event": "loop.restarts"}, True, id="the-relay"),
        pytest.param({"loop": "outbox", "event": "loop.restarts"}, False, id="another-loop"),
        pytest.param({"loop": "relay", "event": "loop.stopped"}, False, id="another-word-of-it"),
    ],
)
def test_a_relay_begins_anew_when_its_own_loop_says_so(line: dict[str, str], begins_anew: bool, tmp_path: Path) -> None:
    log = tmp_path / "log"
    others = [{"loop": "outbox", "event": "loop.ended"}, {"loop": "relay", "event": "loop.ended"}]
    log.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in (others[0], line, others[1])))
    process = DrillProcess("intake.nobody/relay", Forked("intake.nobody", "relay", "", log, {}))
    assert process.has_said(*BEGINS_ANEW) == begins_anew


@pytest.mark.parametrize(
    ("last", "is_withdrawn", "wrong"),
    [
        pytest.param({"h": 3}, False, [], id="the-newest"),
        pytest.param({"h": None}, True, [], id="erased"),
        pytest.param({"h": 2}, False, ["revision 2 and not with revision 3"], id="an-older-one-came-after"),
        pytest.param({"h": 2}, True, ["revision 2 and not with its tombstone"], id="after-the-tombstone"),
        pytest.param({"h": None}, False, ["its tombstone and not with revision 3"], id="erased-by-nobody"),
        pytest.param({}, False, ["nothing and not with revision 3"], id="lost"),
    ],
)  # fmt: skip
def test_a_profile_ends_with_what_was_said_last(last: dict[str, Any], is_withdrawn: bool, wrong: list[str]) -> None:
    family = Changing(None, "h", 3, is_withdrawn)  # type: ignore[arg-type]
    assert list(stale(last, [family])) == [f"The profile of h ends with {each}." for each in wrong]
