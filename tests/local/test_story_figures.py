"""The truth that the story knows and the report that it leaves."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from local.register.generate import generate
from local.story import truth
from local.story.report import Report


def test_the_truth_reads_what_the_generator_wrote(tmp_path: Path) -> None:
    written = generate(tmp_path, family_count=500)
    known = truth.read(tmp_path / "answers.json")
    assert len(known.families) == written["cohort"]["baseline_families"]
    assert sum(family.confirmed for family in known.verified) == written["cohort"]["persons_confirmed"]
    assert {family.answers is None for family in known.verified} == {False}


def test_the_report_holds_what_is_asked_of_it(tmp_path: Path) -> None:
    report = Report(persons_registered=5)
    report.cohort.baseline, report.cohort.buckets = 9, {"served": 4, "waiting": 5}
    report.fund_lines["APBD-2022/64.72/BLT"] = {"ceiling": 2_700_000_000, "realised": 0}
    report.write(tmp_path / "build" / "demo.json")
    written = json.loads((tmp_path / "build" / "demo.json").read_bytes())
    wanted = {
        "persons_registered", "families_registered", "families_verified", "families_rejected", "enrolments",
        "disbursements", "rupiah_disbursed", "graduations", "slots_released", "slots_filled", "notifications_sent",
        "cohort", "reconcile", "fund_lines", "seconds",
    }  # fmt: skip
    assert wanted <= written.keys()
    assert written["cohort"] == {"baseline": 9, "buckets": {"served": 4, "waiting": 5}}
    assert set(written["reconcile"]) == {"lost", "twice", "out_of_order", "overspent_rupiah", "unexplained"}


def test_the_report_can_be_read_by_people() -> None:
    console = Console(record=True, width=120, file=StringIO())
    report = Report(rupiah_disbursed=2_091_900_000)
    report.fund_lines["APBD-2022/64.72/BLT"] = {"ceiling": 2_700_000_000}
    report.show(console)
    text = console.export_text()
    assert "2,091,900,000" in text
    assert "APBD-2022/64.72/BLT" in text
