"""The report: a list of results, one for each benchmark, each with the commit, the date and the size of its own run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import Result
from benchmarks.workplace import Size
from local.commit import commit_of

_ROOT = Path(__file__).resolve().parents[1]


def report_of(size: Size) -> Path:
    """Where results of a size are kept: what only shows that a benchmark runs never takes the place of a figure."""
    return Path("build/bench.json" if size is Size.FULL else f"build/bench-{size.value}.json")


def entry(result: Result, size: Size, commit: str | None, at: datetime) -> dict[str, Any]:
    """One result as it stands in the report."""
    return asdict(result) | {"size": size.value, "commit": commit, "date": at.isoformat(timespec="seconds")}


def merged(report: Sequence[dict[str, Any]], new: dict[str, Any], order: Sequence[str]) -> list[dict[str, Any]]:
    """The report with a new entry in the place of the one of its name; the others stay, in the order of the names."""
    by_name = {each["name"]: each for each in (*report, new)}
    places = {name: place for place, name in enumerate(order)}
    return sorted(by_name.values(), key=lambda each: places.get(each["name"], len(places)))


def keep(file: Path, result: Result, size: Size, order: Sequence[str]) -> None:
    """Write a result into the report; what others measured before stays. The file is replaced as a whole."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    report = merged(known, entry(result, size, commit_of(_ROOT), datetime.now(UTC)), order)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(file)
