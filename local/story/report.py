"""The figures of a story: gathered as it goes, printed as a table, written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

BEFORE_THE_STORY: Final = frozenset({"stack", "city", "register"})
"""Phases in which the machine gets ready."""


@dataclass(slots=True)
class CohortFigures:
    """A closed list: its size as received, and the persons in each bucket, which sum to it."""

    baseline: int = 0
    buckets: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ReconcileFigures:
    """What ``tuntas reconcile`` found, summed over the deployments; all are 0 when nothing is wrong."""

    lost: int = 0
    twice: int = 0
    out_of_order: int = 0
    overspent_rupiah: int = 0
    unexplained: int = 0


@dataclass(slots=True)
class Report:
    """What happened. Counts come from what services answer, never from what the story sent."""

    persons_registered: int = 0
    families_registered: int = 0
    families_verified: int = 0
    families_rejected: int = 0
    persons_confirmed: int = 0
    enrolments: int = 0
    disbursements: int = 0
    rupiah_disbursed: int = 0
    by_programme: dict[str, dict[str, int]] = field(default_factory=dict)
    """Programme → enrolments, persons_paid, persons_failed, disbursements, rupiah_disbursed."""
    graduations: int = 0
    slots_released: int = 0
    slots_filled: int = 0
    notifications_sent: int = 0
    cohort: CohortFigures = field(default_factory=CohortFigures)
    reconcile: ReconcileFigures = field(default_factory=ReconcileFigures)
    refusals: list[str] = field(default_factory=list)
    """Refusals worth telling, in the words of the service, e.g. of the house for which a fund line has not enough."""
    fund_lines: dict[str, dict[str, int]] = field(default_factory=dict)
    """Line → ceiling, reserved, committed, realised and free rupiah."""
    seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)

    @property
    def story_seconds(self) -> float:
        """From the first upload to the last figure; what came before is named."""
        return round(sum(seconds for phase, seconds in self.seconds.items() if phase not in BEFORE_THE_STORY), 1)

    def write(self, path: Path) -> None:
        """As JSON, for a machine; the folder is made where missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    def show(self, console: Console) -> None:
        """As tables, for whoever watches."""
        totals = _table("What happened", "figure", "value")
        for name, value in asdict(self).items():
            if isinstance(value, int | float):
                totals.add_row(name.replace("_", " "), f"{value:,}")
        console.print(totals)
        buckets = _table(f"The closed list of {self.cohort.baseline:,} persons", "bucket", "persons")
        for name, persons in self.cohort.buckets.items():
            buckets.add_row(name.replace("_", " "), f"{persons:,}")
        console.print(buckets)
        console.print(_nested("Fund lines", "line", self.fund_lines))
        console.print(_nested("Programmes", "programme", self.by_programme))
        reconciled = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(self.reconcile).items())
        console.print(f"reconcile: {reconciled}")
        took = ", ".join(f"{phase} {seconds:,.1f}" for phase, seconds in self.seconds.items())
        console.print(f"seconds: {took}; the story {self.story_seconds:,.1f}")
        held = ", ".join(f"{name} {mb:,.0f}" for name, mb in self.memory_mb.items())
        console.print(f"MB resident: {held}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _nested(title: str, first: str, rows: dict[str, dict[str, int]]) -> Table:
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    table = _table(title, first, *(column.replace("_", " ") for column in columns))
    for name, figures in rows.items():
        table.add_row(name, *(f"{figures.get(column, 0):,}" for column in columns))
    return table
