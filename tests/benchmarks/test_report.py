"""The report of benchmarks: one entry for each, kept until its benchmark is measured again. No server runs here."""

import json
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Result, Sample, rates
from benchmarks.report import entry, keep, merged, report_of
from benchmarks.workplace import Size

NAMES = ("relay", "rebuild", "soak")


def measured(name: str, per_second: int = 80) -> Result:
    ours, reference = Sample(per_second, 1.0, 0.5), Sample(100, 1.0, 0.5)
    return rates(
        name,
        [ours],
        [reference],
        unit="events/s",
        at_least=0.5,
        payload_bytes=1,
        connections=1,
        reference_connections=1,
    )


def names_in(file: Path) -> list[str]:
    return [each["name"] for each in json.loads(file.read_text(encoding="utf-8"))]


def test_what_other_benchmarks_measured_stays(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    keep(file, measured("rebuild"), Size.FULL, NAMES)
    before = json.loads(file.read_text(encoding="utf-8"))
    keep(file, measured("relay"), Size.SMALL, NAMES)
    assert json.loads(file.read_text(encoding="utf-8"))[1:] == before


def test_entries_stand_in_the_order_of_the_benchmarks_whichever_ran_first(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    for name in ("soak", "rebuild", "relay"):
        keep(file, measured(name), Size.FULL, NAMES)
    assert names_in(file) == ["relay", "rebuild", "soak"]


def test_a_benchmark_that_runs_again_replaces_its_own_entry(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    for per_second in (10, 20):
        keep(file, measured("relay", per_second), Size.FULL, NAMES)
    [only] = json.loads(file.read_text(encoding="utf-8"))
    assert only["ours"] == 20


def test_an_entry_of_a_benchmark_that_is_no_more_comes_last() -> None:
    report = merged([{"name": "older"}, {"name": "soak"}], {"name": "relay"}, NAMES)
    assert [each["name"] for each in report] == ["relay", "soak", "older"]


def test_each_entry_says_of_which_commit_when_and_how_large() -> None:
    at = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    said = entry(measured("relay"), Size.SMALL, "0a1b2c", at)
    assert (said["commit"], said["date"], said["size"]) == ("0a1b2c", "2026-03-01T08:30:00+00:00", "small")


ASKED = {
    "name", "ours", "reference", "unit", "ratio", "goal", "met",
    "cpu_us_per_op", "payload_bytes", "fsync", "connections",
}  # fmt: skip
"""What every reader of the report may rely on."""
ADDED = {"reference_connections", "synchronous_commit", "rounds", "notes", "size", "commit", "date"}


def test_an_entry_has_these_keys_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    keep(file, measured("relay"), Size.FULL, NAMES)
    [written] = json.loads(file.read_text(encoding="utf-8"))
    assert set(written) == ASKED | ADDED


def test_a_small_run_has_a_report_of_its_own() -> None:
    assert len({report_of(size) for size in Size}) == len(Size)
