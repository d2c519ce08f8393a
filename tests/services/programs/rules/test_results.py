"""The payer's result file, read whole or not at all."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.programs.rules.results import Result, read_results

HEADER = "payment_id,status,reason,paid_on"
ID = UUID(int=1)


def test_a_good_file_is_read() -> None:
    text = f"\ufeff{HEADER}\r\n{ID},PAID,,2022-12-28\r\n\r\n{UUID(int=2)},failed,account-closed,2022-12-29\r\n"
    read = read_results(text)
    assert read.wrong == ()
    assert read.results == (
        Result(ID, "paid", None, date(2022, 12, 28), 2),
        Result(UUID(int=2), "failed", "account-closed", date(2022, 12, 29), 4),
    )


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "result-columns-differ"),
        ("id;status\n", 1, "result-columns-differ"),
        (f"{HEADER}\n{ID},PAID\n", 2, "result-cells-missing"),
        (f"{HEADER}\n6.47E+15,PAID,,2022-12-28\n", 2, "result-payment-id-malformed"),
        (f"{HEADER}\n{ID},DONE,,2022-12-28\n", 2, "result-status-unknown"),
        (f"{HEADER}\n{ID},FAILED,closed it,2022-12-28\n", 2, "result-reason-unlisted"),
        (f"{HEADER}\n{ID},PAID,,2022-02-30\n", 2, "result-date-malformed"),
        (f"{HEADER}\n{ID},PAID,,2022-12-28\n{ID},PAID,,2022-12-28\n", 3, "result-line-twice"),
    ],
)
def test_a_wrong_line_is_named(text: str, line: int, code: str) -> None:
    [wrong] = read_results(text).wrong
    assert (wrong.line, wrong.code) == (line, code)


def test_at_most_a_hundred_wrong_lines_are_named() -> None:
    assert len(read_results(HEADER + "\n" + "x,PAID,,2022-12-28\n" * 500).wrong) == 100
