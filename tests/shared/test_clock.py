"""Business time: real, unless a laptop's file moves it for every process at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import Clock


def test_without_a_file_it_is_real_time_and_cannot_be_moved() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    with pytest.raises(RuntimeError, match="laptop"):
        clock.move_to(datetime(2023, 9, 1, tzinfo=UTC))


def test_two_clocks_of_one_file_move_together(tmp_path: Path) -> None:
    mine, theirs = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    for year in (2023, 2024):
        mine.move_to(datetime(year, 9, 1, 12, tzinfo=UTC))
        assert abs(theirs.now() - datetime(year, 9, 1, 12, tzinfo=UTC)) < timedelta(seconds=5)


def test_a_day_is_the_day_of_its_zone(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.move_to(datetime(2022, 12, 31, 16, 30, tzinfo=UTC))
    assert clock.today("Asia/Makassar").isoformat() == "2023-01-01"
    assert clock.today("Asia/Jakarta").isoformat() == "2022-12-31"
