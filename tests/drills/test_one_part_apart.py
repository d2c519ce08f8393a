"""Drill 17 must be able to fail: on what is lost, twice or out of order, and on others that stop or fall behind."""

from __future__ import annotations

import shutil
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
from tests.drills.scene import DrillCity, Scene
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
    phase = Phase("two workers", behind=[{OTHER: 0, SCALED: 9_000}, {OTHER: behind, SCALED: 0}])
    for name in READS:
        phase.took[name] = [0.1]
    phase.took[OTHER] = took
    others.phases.append(phase)
    servers: Any = None
    scene = Scene(DRILL, 1, "small", servers, tmp_path)
    others.judge(scene, LAG_MAX)
    assert len(scene.outcome.failed) == len(said)
    assert all(word in sentence for word, sentence in zip(said, scene.outcome.failed, strict=True))


async def _take(connection: Any, case: UUID, household: UUID, taken: list[tuple[int, int]]) -> None:
    for place, (number, process) in enumerate(taken):
        await connection.execute(
            "insert into drill_taken (household_id, case_id, round, process, at)"
            " values ($1, $2, $3, $4, timestamptz '2022-12-19 09:00+08' + $5 * interval '1 second')",
            household, case, number, process, place,
        )  # fmt: skip
