"""The judgement on poison must see what is parked for another reason, passed over, or parked without one."""

from __future__ import annotations

import pytest

from tests.drills.looking import BEHIND
from tests.drills.poison import KINDS, WELL, Said
from tests.drills.poisoned import Row, wrongly_parked

TOPIC = "tuntas.intake.anywhere"
FORGED = "forged source"
SAID = [Said(FORGED, TOPIC, 0, 4), Said(WELL, TOPIC, 0, 5), Said("bad JSON", TOPIC, 0, 6)]


def parked(offset: int, key: bytes, reason: str) -> Row:
    return Row(TOPIC, 0, offset, key, reason, "waiting", "any")


RIGHT = [parked(4, b"a", "source-forged"), parked(6, b"b", "value-not-json"), parked(7, b"b", BEHIND)]


@pytest.mark.parametrize(
    ("rows", "wrongs"),
    [
        pytest.param(RIGHT, 0, id="each for what it is"),
        pytest.param([parked(4, b"a", "value-misshapen"), *RIGHT[1:]], 1, id="for another reason"),
        pytest.param(RIGHT[1:], 1, id="passed over"),
        pytest.param([*RIGHT, parked(5, b"c", "header-wrong")], 1, id="nothing is wrong with it"),
        pytest.param([*RIGHT, parked(8, b"d", BEHIND)], 1, id="behind nobody"),
        pytest.param([*RIGHT, parked(8, b"a", "source-forged")], 1, id="not behind its household's"),
        pytest.param([*RIGHT, parked(8, b"d", "handler-failed")], 1, id="a good record fails where none may"),
    ],
)
def test_each_record_has_to_be_parked_for_what_it_is(rows: list[Row], wrongs: int) -> None:
    assert len(list(wrongly_parked(SAID, rows))) == wrongs


def test_a_reader_whose_handlers_fail_may_park_good_records() -> None:
    assert list(wrongly_parked(SAID, [*RIGHT, parked(8, b"d", "handler-failed")], {"handler-failed"})) == []


def test_only_one_kind_has_no_reason() -> None:
    assert [name for name, kind in KINDS.items() if kind.reason is None] == [WELL]
