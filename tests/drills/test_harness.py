"""The harness of the drills: it must be able to fail, to kill where it says, and to say how to play it again."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import orjson
import pytest

from shared.messaging.points import Point
from tests.drills.__main__ import Line, find_drills, import_drill
from tests.drills.announced import Announced
from tests.drills.drill_10_rebalances import Moves
from tests.drills.families import Families, closed_list, register_file
from tests.drills.journal import Journal
from tests.drills.judging import families_of_files, wrong_cases, wrong_families, wrong_households
from tests.drills.nursery import Birth, Child, Nursery, dying_at
from tests.drills.process import DrillProcess, Forked
from tests.drills.scene import Drill, Outcome, Scene
from tests.fixtures import eventually

AFTER_PUBLISH: Point = "after-publish"


def test_every_drill_is_found_under_its_own_number() -> None:
    drills = {number: import_drill(module) for number, module in find_drills().items()}
    assert len(drills) == len(list(Path(__file__).parent.glob("drill_*.py")))
    assert [number for number, drill in drills.items() if drill.number != number or drill.play is None] == []


def test_a_drill_that_does_not_exist_is_an_error_only_where_it_is_asked_for() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "tests.drills", "--only", "1,99"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert "there is no drill 99" in asked.stderr


def test_a_line_of_the_report_sums_its_seeds_and_names_the_one_that_failed() -> None:
    line = Line(Drill(7, "a drill"), "abc")
    first = Outcome(events=10, kills=2, twice=1, overspent_rupiah=300_000)
    second = Outcome(events=5, kills=1, server_stops=3, lost=1, out_of_order=4, failed=["gone"])
    for seed, outcome in ((3, first), (4, second)):
        line.seeds.append(seed)
        line.outcomes.append(outcome)
        line.seconds += 1.26
    written = line.as_dict()
    asked_for = {
        "drill": 7, "seeds": 2, "events": 15, "kills": 3, "lost": 1, "twice": 1, "out_of_order": 4,
        "overspent_rupiah": 300_000, "seconds": 2.5,
    }  # fmt: skip
    assert {name: written[name] for name in asked_for} == asked_for
    assert (written["commit"], written["seed_numbers"], written["server_stops"]) == ("abc", [3, 4], 3)
    assert written["failed"] == ["seed 4: gone"]


@pytest.mark.parametrize("wrong", ["lost", "twice", "out_of_order", "overspent_rupiah", "unexplained"])
def test_one_wrong_of_any_kind_fails_a_drill(wrong: str) -> None:
    assert Outcome().is_well
    assert not Outcome(**{wrong: 1}).is_well  # type: ignore[arg-type]


def test_the_choices_of_one_task_do_not_depend_on_those_of_another(tmp_path: Path) -> None:
    scenes = [Scene(Drill(7, "a drill"), seed, "small", None, tmp_path / str(seed)) for seed in (1, 1, 2)]  # type: ignore[arg-type]
    scenes[1].random.random()
    scenes[1].random_for("another").random()
    first, again, other = (scene.random_for("a task").getrandbits(64) for scene in scenes)
    assert first == again
    assert first != other


async def test_two_who_end_one_process_meet_at_one_lock_and_its_death_is_counted_once() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        forked = Forked("intake.nobody", "relay", "", Path(), {})
        forked.process = Child(started.pid)  # type: ignore[assignment]
        looks = [DrillProcess("intake.nobody/relay", forked) for _ in range(2)]
        assert sorted(await asyncio.gather(*(each.kill() for each in looks))) == [False, True]


@pytest.mark.parametrize(
    ("topic", "headers", "counted"),
    [
        pytest.param("t.intake.a", [("ce_id", b"1"), ("ce_sequence", b"4")], 1, id="a-fact-of-ours"),
        pytest.param("t.intake.a", [("ce_id", b"1")], 0, id="an-outsiders"),
        pytest.param("t.intake.a", [("ce_id", b"1"), ("ce_sequence", b"-1")], 0, id="a-number-that-is-none"),
        pytest.param("t-profiles.intake.a", [("ce_id", b"1")], 1, id="a-profile"),
    ],
)
def test_only_what_our_relays_announced_is_an_event(topic: str, headers: Any, counted: int) -> None:
    announced = Announced("t")
    for offset in range(2):
        announced.note(SimpleNamespace(topic=topic, headers=headers, key=b"k", partition=3, offset=offset))
    assert (announced.records, announced.events) == (2, counted)
    assert [where.offset for where in announced.facts.values()] == [0] * len(announced.facts)


def test_the_same_seed_makes_the_same_families_and_no_number_twice() -> None:
    first, again = Families(5), Families(5)
    families = [first.next() for _ in range(500)]
    assert families == [again.next() for _ in range(500)]
    niks = [member["nik"] for each in families for member in each["members"]]
    assert len(set(niks)) == len(niks)
    assert [nik for nik in niks if not re.fullmatch(r"\d{16}", nik)] == []


def test_a_request_is_on_disk_before_its_answer_comes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    entry = journal.asks("registration", niks=["1"])
    journal.asks("registration", niks=["2"])
    assert [orjson.loads(each)[1] for each in (tmp_path / "journal.jsonl").read_bytes().splitlines()] == [
        "asks",
        "asks",
    ]
    journal.acknowledged(entry, "household")
    assert (journal.acknowledgements, journal.without_answer) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "tables", "wrong"),
    [
        pytest.param("a", {"1": ["a"], "2": ["a"]}, [], id="acknowledged-and-there"),
        pytest.param(None, {"1": ["a"], "2": ["a"]}, [], id="without-answer-and-there"),
        pytest.param(None, {}, [], id="without-answer-and-not-there"),
        pytest.param("a", {}, ["lost"], id="acknowledged-and-not-there"),
        pytest.param("a", {"1": ["b"], "2": ["b"]}, ["lost"], id="there-under-another-id"),
        pytest.param("a", {"1": ["a"]}, ["lost"], id="a-member-is-missing"),
        pytest.param(None, {"1": ["a", "b"], "2": ["a", "b"]}, ["twice"], id="registered-twice"),
        pytest.param(None, {"1": ["a", "a"], "2": ["a"]}, ["twice"], id="a-member-stands-twice"),
    ],
)
def test_the_judgement_sees_what_is_wrong(
    tmp_path: Path, answer: str | None, tables: dict[str, list[str]], wrong: list[str]
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    entry = journal.asks("registration", niks=["1", "2"])
    if answer is not None:
        journal.acknowledged(entry, answer)
    found = [kind for kind, _ in wrong_families(journal.entries, lambda nik: tables.get(nik, []))]
    assert found == wrong


def test_what_was_refused_stands_nowhere(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.refused(journal.asks("registration", niks=["1"]), "idempotency-key-reused")
    assert list(wrong_families(journal.entries, lambda _: [])) == []
    assert [kind for kind, _ in wrong_families(journal.entries, lambda _: ["a"])] == ["unexplained"]


def test_a_move_is_a_partition_with_another_member() -> None:
    moves = Moves()
    for held in ({"a": {0, 1}}, {}, {"a": {0}, "b": {1}}, {"a": {0}, "b": {1}}, {"c": {0, 1}}):
        moves.look(held)
    assert moves.count == 3


@pytest.mark.parametrize(
    ("kept", "verdicts", "wrong"),
    [
        pytest.param({"v": "a", "w": "b"}, ["a", "b"], [], id="all-once-though-one-had-no-answer"),
        pytest.param({"v": "a"}, ["a"], [], id="what-had-no-answer-is-not-there"),
        pytest.param({}, [], ["lost", "lost"], id="acknowledged-and-not-there"),
        pytest.param({"v": "a", "w": "a"}, ["a"], ["twice"], id="visited-twice"),
        pytest.param({"v": "a", "w": "b"}, ["a", "b", "b"], ["twice"], id="decided-twice-without-an-answer"),
    ],
)
def test_no_case_is_visited_or_decided_twice(kept: dict[str, str], verdicts: list[str], wrong: list[str]) -> None:
    assert [kind for kind, _ in wrong_cases(["v"], ["a"], kept, verdicts)] == wrong


@pytest.mark.parametrize(
    ("accepted", "tables", "wrong"),
    [
        pytest.param("file", {"1": ["a"], "2": ["a"], "3": ["b"]}, [], id="accepted-and-there"),
        pytest.param("file", {"1": ["a"], "2": ["a"]}, ["lost"], id="accepted-and-a-family-is-missing"),
        pytest.param(None, {}, [], id="without-answer-and-not-there"),
        pytest.param(None, {"1": ["a"], "2": ["a"], "3": ["b", "c"]}, ["twice"], id="a-family-stands-twice"),
    ],
)
def test_the_families_of_a_file_are_judged_one_by_one(
    tmp_path: Path, accepted: str | None, tables: dict[str, list[str]], wrong: list[str]
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    entry = journal.asks("file", rows=3, families=[["1", "2"], ["3"]])
    journal.asks("file", rows=2)
    if accepted is not None:
        journal.acknowledged(entry, accepted)
    families = families_of_files(journal.of("file"))
    assert [kind for kind, _ in wrong_families(families, lambda nik: tables.get(nik, []))] == wrong


def test_a_register_file_has_a_row_for_each_person_and_a_closed_list_one_for_each_head() -> None:
    families = [Families(5).next() for _ in range(20)]
    persons = sum(len(each["members"]) for each in families)
    assert (len(register_file(families).splitlines()), len(closed_list(families).splitlines())) == (persons + 1, 21)


def test_a_process_dies_by_sigkill_the_nth_time_it_comes_to_its_point() -> None:
    others = ", ".join(repr(each) for each in get_args(Point) if each != AFTER_PUBLISH)
    code = f"""
from shared.messaging import points
from tests.drills.nursery import _death
points.listen(_death({AFTER_PUBLISH!r}, 3))
for time in range(5):
    for point in ({others}, {AFTER_PUBLISH!r}):
        points.reached(point)
    print(time, flush=True)
"""
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert died.stdout.splitlines() == ["0", "1", dying_at(AFTER_PUBLISH)]


async def test_a_child_takes_its_environment_and_says_in_its_log_why_it_ended(tmp_path: Path) -> None:
    nursery = Nursery(tmp_path / "nursery.log")
    nursery.open()
    try:
        env: dict[str, Any] = {"TUNTAS_HTTP_PORT": "no port"}
        child = nursery.bear(Birth("intake", "all", env, str(tmp_path / "no.env"), str(tmp_path / "child.log")))
        await eventually(lambda: child.poll() is not None, within=60)
    finally:
        nursery.close()
    assert "http_port" in (tmp_path / "child.log").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("said", "heard", "last", "wrongs"),
    [
        pytest.param("ab", "ab", {"a": 3, "b": None}, 0, id="all as it stands"),
        pytest.param("b", "ab", {"a": 3, "b": None}, 1, id="a registration was not announced"),
        pytest.param("ab", "b", {"a": 3, "b": None}, 1, id="verification knows nothing of it"),
        pytest.param("ab", "ab", {"a": 2, "b": None}, 1, id="a profile of before"),
        pytest.param("ab", "ab", {"b": None}, 1, id="no profile"),
        pytest.param("ab", "ab", {"a": 3, "b": 1}, 1, id="a profile that was not erased"),
    ],
)
def test_what_stands_in_the_register_is_known_outside(
    said: str, heard: str, last: dict[str, int | None], wrongs: int
) -> None:
    assert len(list(wrong_households({"a": 3, "b": None}, said, heard, last))) == wrongs
