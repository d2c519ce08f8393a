"""Hearers that are late: what was heard in another order is counted, and what is put aside comes whole and in order."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.drills.lateness import Heard, Inversions, inversions

NOON = datetime(2022, 12, 19, 12, tzinfo=UTC)
INTAKE, VERIFICATION = "/agencies/a/intake", "/agencies/a/verification"


def heard(ident: str, announcer: str, minute: int, caused_by: str | None = None, household: str = "h") -> Heard:
    return Heard(ident, announcer, household, NOON + timedelta(minutes=minute), caused_by)


CAUSE = heard("cause", INTAKE, 1)
EFFECT = heard("effect", VERIFICATION, 2, "cause")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param([CAUSE, EFFECT], Inversions(), id="as-it-came-about"),
        pytest.param([EFFECT, CAUSE], Inversions(before_its_cause=1, overtaken=1), id="the-effect-first"),
        pytest.param([EFFECT], Inversions(), id="the-cause-is-never-heard"),
        pytest.param([EFFECT, heard("later", INTAKE, 3)], Inversions(), id="what-comes-later-was-announced-later"),
        pytest.param([EFFECT, heard("other", INTAKE, 1)], Inversions(overtaken=1), id="overtaken-by-no-effect-of-it"),
        pytest.param([EFFECT, heard("other", INTAKE, 1, household="i")], Inversions(), id="another-household"),
        pytest.param([EFFECT, heard("other", VERIFICATION, 1)], Inversions(), id="the-same-announcer"),
    ],
)
def test_an_inversion_is_between_announcers(order: list[Heard], expected: Inversions) -> None:
    assert inversions(order) == expected


PUTS_ASIDE = """
import asyncio, os, sys
from collections import namedtuple
from pathlib import Path
from shared.messaging.reader import Reader
from tests.drills import lateness

Place = namedtuple("Place", "topic")
Record = namedtuple("Record", "offset")
INTAKE, VERIFICATION = Place("t.intake.a"), Place("t.verification.a")
folder = Path(sys.argv[1])


async def take(self, records_max, wait_ms):
    return self.fetched.pop(0)

Reader._take, Reader._drop_what_is_ahead = take, lambda self: {}
lateness.hear_late(folder)
reader = Reader.__new__(Reader)
reader._group_id = "t.programs.a"
reader.fetched = [
    {INTAKE: [Record(1)], VERIFICATION: [Record(7)]}, {INTAKE: [Record(2)]}, {INTAKE: [Record(3)]},
    {INTAKE: [Record(4)]}, {INTAKE: [Record(5)]},
]


def taken():
    found = asyncio.run(reader._take(9, 0))
    print({place.topic: [each.offset for each in records] for place, records in found.items()})

lateness.make_late(folder, os.getpid(), ["intake"])
taken()
taken()
lateness.make_late(folder, os.getpid(), [])
taken()
taken()
lateness.make_late(folder, os.getpid(), ["intake"])
taken()
print([each.offset for each in [Record(value) for value in reader._drop_what_is_ahead().values()]])
lateness.make_late(folder, os.getpid(), [])
taken()
"""


def test_what_is_put_aside_comes_in_order_and_is_fetched_again_when_the_reader_goes_back(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", PUTS_ASIDE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert said.stdout.splitlines() == [
        "{'t.verification.a': [7]}",
        "{}",
        "{'t.intake.a': [1, 2]}",
        "{'t.intake.a': [3]}",
        "{}",
        "[4]",
        "{'t.intake.a': [5]}",
    ], said.stderr
