"""Drill 17 must be able to fail: on what is lost, twice or out of order, on a second worker that brings nothing.

And on others that stop, fall behind or notice it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from local.stack.addresses import KafkaAddress, PostgresAddress, StackAddresses
from tests.drills.city import _DIRECTORY
from tests.drills.drill_17_one_part_apart import _RATES, _WRONG, DRILL, LAG_MAX, SCALED
from tests.drills.faults import TABLE_OF_TAKEN
from tests.drills.others import READS, SILENT_SECONDS_MAX, Others, Phase
from tests.drills.scaling import AFTERWARDS, NOBODY, ONE, TWO, Drained, Noticed, wrong_drain, wrong_looks
from tests.drills.scene import DrillCity, Scene, Size
from tests.fixtures import DatabaseFactory

OTHER = next(name for name in READS if name != SCALED)
FIRST, SECOND = 1, 2


@pytest.mark.parametrize(
    ("rounds", "wrong"),
    [
        pytest.param([1, 2, 3], (3, 3, 0), id="each once and in order"),
        pytest.param([1, 2, 2, 3], (4, 3, 1), id="one twice"),
        pytest.param([1, 3, 2], (3, 3, 2), id="out of order"),
        pytest.param([1, 3], (2, 2, 1), id="one lost"),
    ],
)
async def test_what_was_taken_is_counted_once_and_in_order(
    database: DatabaseFactory, rounds: list[int], wrong: tuple[int, int, int]
) -> None:
    connection = await asyncpg.connect((await database("programs")).dsn)
    case, household = uuid4(), uuid4()
    await connection.execute(TABLE_OF_TAKEN)
    await _take(connection, case, household, [(each, FIRST) for each in rounds])
    await _take(connection, uuid4(), household, [(1, FIRST)])
    found = await connection.fetchrow(_WRONG, case, 3)
    await connection.close()
    assert (found["taken"], found["different"], found["out_of_order"]) == wrong
    assert found["last_words"] == 0


async def test_the_stretch_of_two_workers_begins_with_the_second_and_ends_with_whoever_is_done_first(
    database: DatabaseFactory,
) -> None:
    connection = await asyncpg.connect((await database("programs")).dsn)
    case, taken = uuid4(), [FIRST, FIRST, SECOND, FIRST, SECOND, FIRST, SECOND, SECOND]
    await connection.execute(TABLE_OF_TAKEN)
    await _take(connection, case, uuid4(), list(enumerate(taken, start=1)))
    rows = await connection.fetch(_RATES, case, FIRST, SECOND)
    await connection.close()
    found = {row["while"]: (row["events"], row["by_second"]) for row in rows}
    assert found == {"one worker": (2, 0), "two workers": (4, 2), "rest": (2, 2)}


@pytest.mark.parametrize(
    ("took", "behind", "said"),
    [
        pytest.param([0.1], LAG_MAX, [], id="well"),
        pytest.param([], 0, ["answered"], id="nobody answered"),
        pytest.param([0.1, SILENT_SECONDS_MAX], 0, ["late"], id="answered late"),
        pytest.param([0.1], LAG_MAX + 1, ["behind"], id="fell behind"),
    ],
)
def test_others_that_stop_or_fall_behind_fail_the_drill(
    tmp_path: Path, took: list[float], behind: int, said: list[str]
) -> None:
    nowhere = StackAddresses(KafkaAddress("", "", "", ""), PostgresAddress("", ""))
    shutil.copyfile(_DIRECTORY, tmp_path / "agencies.yaml")
    others = Others(DrillCity(nowhere, tmp_path), SCALED)
    for name in (NOBODY, ONE, TWO, AFTERWARDS):
        phase = Phase(name, behind=[{OTHER: 0, SCALED: 9_000}, {OTHER: 0, SCALED: 0}])
        phase.took |= {read: [0.1] for read in READS}
        others.phases.append(phase)
    two = others.phases[-2]
    two.took[OTHER], two.behind[-1][OTHER] = took, behind
    servers: Any = None
    scene = Scene(DRILL, 1, "small", servers, tmp_path)
    others.judge(scene, LAG_MAX)
    assert len(scene.outcome.failed) == len(said)
    assert all(word in sentence for word, sentence in zip(said, scene.outcome.failed, strict=True))


ALONE, TOGETHER = Drained(10_000, 0, 40.0), Drained(39_000, 19_500, 87.0)


@pytest.mark.parametrize(
    ("drained", "size", "said"),
    [
        pytest.param({ONE: ALONE, TWO: TOGETHER}, "large", [], id="well"),
        pytest.param({ONE: ALONE, TWO: replace(TOGETHER, seconds=130.0)}, "large", ["300 events a second"], id="slow"),
        pytest.param({ONE: ALONE, TWO: replace(TOGETHER, seconds=130.0)}, "small", [], id="a-small-run-is-too-short"),
        pytest.param(
            {ONE: ALONE, TWO: replace(TOGETHER, by_second=9_000)}, "small", ["second worker"], id="idle-second"
        ),
        pytest.param(
            {ONE: ALONE, TWO: replace(TOGETHER, by_second=30_000)}, "small", ["first worker"], id="idle-first"
        ),
        pytest.param({ONE: ALONE}, "small", [TWO], id="no-rows-of-two"),
        pytest.param({TWO: TOGETHER}, "small", [ONE], id="no-rows-of-one"),
        pytest.param({}, "large", [ONE], id="no-rows"),
    ],
)
def test_a_second_worker_that_brings_nothing_fails_the_drill(
    drained: dict[str, Drained], size: Size, said: list[str]
) -> None:
    _is_said(list(wrong_drain(drained, size)), said)


QUIET = Noticed(reads=900, http_p50_ms=20.0, http_p99_ms=68.0, lag_median=60.0, lag_max=196)
LOOKS = dict.fromkeys((NOBODY, ONE, TWO, AFTERWARDS), QUIET)


@pytest.mark.parametrize(
    ("changed", "size", "said"),
    [
        pytest.param({}, "large", [], id="well"),
        pytest.param({TWO: replace(QUIET, http_p99_ms=236.0, lag_max=642)}, "large", [], id="noise"),
        pytest.param({TWO: replace(QUIET, http_p99_ms=354.0)}, "large", ["354.0", "354.0"], id="late"),
        pytest.param({TWO: replace(QUIET, lag_max=643)}, "large", ["643", "643"], id="far-behind-once"),
        pytest.param({TWO: replace(QUIET, lag_median=221.0)}, "large", ["221.0", "221.0"], id="behind-mostly"),
        pytest.param(
            {ONE: replace(QUIET, http_p99_ms=354.0), TWO: replace(QUIET, http_p99_ms=354.0)},
            "large", [NOBODY], id="late-with-one-already",
        ),
        pytest.param({TWO: replace(QUIET, http_p99_ms=354.0)}, "small", [], id="a-small-run-is-too-short"),
        pytest.param({TWO: replace(QUIET, reads=0, http_p99_ms=None)}, "small", [TWO], id="no-reads"),
        pytest.param({NOBODY: replace(QUIET, lag_max=None)}, "small", [NOBODY], id="no-looks-at-the-lag"),
    ],
)  # fmt: skip
def test_others_that_notice_a_second_worker_fail_the_drill(
    changed: dict[str, Noticed], size: Size, said: list[str]
) -> None:
    _is_said(list(wrong_looks(LOOKS | changed, size)), said)


def test_a_time_at_which_nobody_looked_at_all_fails_the_drill() -> None:
    _is_said(list(wrong_looks({NOBODY: QUIET, ONE: QUIET, AFTERWARDS: QUIET}, "small")), [TWO])


def _is_said(found: list[str], words: list[str]) -> None:
    assert len(found) == len(words), found
    assert all(word in sentence for word, sentence in zip(words, found, strict=True)), found


async def _take(connection: Any, case: UUID, household: UUID, taken: list[tuple[int, int]]) -> None:
    for place, (number, process) in enumerate(taken):
        await connection.execute(
            "insert into drill_taken (household_id, case_id, round, process, at)"
            " values ($1, $2, $3, $4, timestamptz '2022-12-19 09:00+08' + $5 * interval '1 second')",
            household, case, number, process, place,
        )  # fmt: skip
