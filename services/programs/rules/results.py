"""The payer's result file: one line per payment, paid or failed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from shared.events.codes import is_listed

COLUMNS = ("payment_id", "status", "reason", "paid_on")
ROWS_MAX = 50_000
FINDINGS_MAX = 100


@dataclass(frozen=True, slots=True)
class Result:
    """What the payer says about one payment. ``on`` is the day it was paid or refused."""

    payment_id: UUID
    status: Literal["paid", "failed"]
    reason: str | None
    on: date
    line: int = 0


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that says nothing that can be believed. Line 1 is the header."""

    line: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class ResultFile:
    results: tuple[Result, ...]
    wrong: tuple[Wrong, ...]


def read_results(text: str) -> ResultFile:
    """The results of a CSV file with the columns ``payment_id,status,reason,paid_on``.

    A file with one wrong line is taken by nobody: money is not moved on half of what a payer says. The first hundred
    wrong lines are named.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(reader, None)
    if header is None or tuple(cell.strip().lower() for cell in header) != COLUMNS:
        return ResultFile((), (Wrong(1, "header", "result-columns-differ"),))
    results: list[Result] = []
    wrong: list[Wrong] = []
    seen: set[UUID] = set()
    for number, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if number > ROWS_MAX:
            wrong.append(Wrong(number, "file", "result-file-too-long"))
            break
        read = _read_line(number, cells, seen)
        if isinstance(read, Result):
            results.append(read)
        else:
            wrong.extend(read)
            if len(wrong) >= FINDINGS_MAX:
                break
    return ResultFile(tuple(results), tuple(wrong[:FINDINGS_MAX]))


def _read_line(number: int, cells: list[str], seen: set[UUID]) -> Result | list[Wrong]:
    if len(cells) != len(COLUMNS):
        return [Wrong(number, "line", "result-cells-missing")]
    payment, status, reason, on = (cell.strip() for cell in cells)
    wrong = list(_mistakes(number, payment, status.lower(), reason, on))
    if wrong:
        return wrong
    payment_id = UUID(payment)
    if payment_id in seen:
        return [Wrong(number, "payment_id", "result-line-twice")]
    seen.add(payment_id)
    paid = status.lower() == "paid"
    return Result(payment_id, "paid" if paid else "failed", None if paid else reason, date.fromisoformat(on), number)


def _mistakes(number: int, payment: str, status: str, reason: str, on: str) -> Iterator[Wrong]:
    if not _is_uuid(payment):
        yield Wrong(number, "payment_id", "result-payment-id-malformed")
    if status not in ("paid", "failed"):
        yield Wrong(number, "status", "result-status-unknown")
    if not _is_date(on):
        yield Wrong(number, "paid_on", "result-date-malformed")
    elif status == "failed" and not is_listed("AidFailed.reason", reason, date.fromisoformat(on)):
        yield Wrong(number, "reason", "result-reason-unlisted")


def _is_uuid(cell: str) -> bool:
    try:
        return len(cell) == 36 and bool(UUID(cell))
    except ValueError:
        return False


def _is_date(cell: str) -> bool:
    try:
        return bool(date.fromisoformat(cell))
    except ValueError:
        return False
