"""Logs tell where and what, never who."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import orjson
import pytest
import structlog

from shared.logging import LEFT_OUT, configure_logging
from tests.fixtures.plain_logging import plain_logging

ARABIC = "".join(chr(0x660 + int(digit)) for digit in "6472054507790001")
HOUSEHOLD = "0192f1d0-7c11-7a10-8a00-0000000000a1"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    written = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging("debug", written, service="intake", agency="dinsos-samarinda")
    yield written
    root.handlers = handlers
    root.setLevel(level)
    plain_logging()


def last(lines: io.StringIO) -> dict[str, object]:
    line: dict[str, object] = orjson.loads(lines.getvalue().splitlines()[-1])
    return line


def test_a_line_holds_what_is_allowed_and_the_constants(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id=HOUSEHOLD):
        structlog.get_logger("shared.test").info("household.registered", household_id=UUID(HOUSEHOLD), persons=4)
    line = last(lines)
    assert line.pop("timestamp")
    assert line == {
        "event": "household.registered",
        "level": "info",
        "logger": "shared.test",
        "service": "intake",
        "agency": "dinsos-samarinda",
        "correlation_id": HOUSEHOLD,
        "household_id": HOUSEHOLD,
        "persons": 4,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"name": "anybody"},
        {"address": None, "nik": "6472054507790001"},
        {"member": {"name": "anybody"}},
        {"number": 6472054507790001},
        {"note_id": "two words"},
    ],
)
def test_what_is_not_allowed_is_left_out(lines: io.StringIO, values: dict[str, object]) -> None:
    structlog.get_logger("shared.test").info("x", **values)
    assert LEFT_OUT in lines.getvalue()
    assert "anybody" not in lines.getvalue()
    assert "6472054507790001" not in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    ["6472054507790001", "6472-0545-0779-0001", "64.72.05.450779.0001", "0812 3456 7890", "+62-812-3456-7890", ARABIC],
)
def test_numbers_of_people_are_blacked_out_in_any_text(lines: io.StringIO, text: str) -> None:
    structlog.get_logger("shared.test").warning(f"met {text} here", reason=f"because of {text}")
    logging.getLogger("somebody.elses").warning("row %s is odd", text)
    assert text not in lines.getvalue()
    assert lines.getvalue().count("**********") >= 3


@pytest.mark.parametrize("text", [HOUSEHOLD, "64.72.05.1001", "2022-12-21T14:05:00.123456Z", "1000000", "sha256"])
def test_ids_codes_and_moments_stay(lines: io.StringIO, text: str) -> None:
    structlog.get_logger("shared.test").info("x", reason=text)
    assert last(lines)["reason"] == text


def test_an_exception_tells_its_place_and_not_its_message(lines: io.StringIO) -> None:
    try:
        fail_about_somebody()
    except RuntimeError:
        structlog.get_logger("shared.test").exception("handler.failed")
    line = last(lines)
    assert line["error"] == "RuntimeError"
    assert "test_logging.py" in str(line["exception"])
    assert "anybody" not in lines.getvalue()


def test_other_libraries_are_quiet_and_scrubbed(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").error("GET /people?nik=6472054507790001")
    logging.getLogger("somebody.elses").info("chatter")
    assert lines.getvalue() == ""


def fail_about_somebody() -> None:
    try:
        int("(nik)=(6472054507790001) of anybody")
    except ValueError as error:
        raise RuntimeError("about anybody") from error


def test_a_line_that_nobody_reads_stops_nobody() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody:
        configure_logging("info", nobody)
        structlog.get_logger("shared.test").info("x")
        with suppress(BrokenPipeError):
            nobody.close()
    structlog.get_logger("shared.test").info("x")
    plain_logging()
