"""Structured logs: one JSON object per line, with ids and codes, and never a person.

What may stand in a line is listed here. Anything else must be of a kind that cannot name anybody (a number, a truth
value, a UUID), or its value is left out; long digit runs are blacked out wherever they turn up. A log is a copy that
nobody encrypts and nobody erases.
"""

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any, Final, TextIO
from uuid import UUID

import orjson
import structlog

LEFT_OUT: Final = "[left out]"
_ALLOWED_WORDS: Final = """
    action agencies agency causation_id channel code consumer correlation_id count database error event event_id
    event_type exception field group household_id job kind level logger loop member_id method mode offset part partition
    phase place principal process programme purpose reason records region request_id role route seconds service severity
    signal source state status subject timer timestamp topic took_ms type url_host version why worker
    """
ALLOWED: Final = frozenset(_ALLOWED_WORDS.split())
"""Keys whose text is ours: codes, ids, names of parts. Add what you log when nobody can ever have typed it."""
_NUMBERS: Final = re.compile(
    r"""
    (?<![0-9A-Fa-f-])(?:
        \d(?:[ .\-]?\d){14,18}          # NIK, KK, account: 15 to 19 digits, also grouped
      | (?:\+?62|0)[ \-]?8(?:[ \-]?\d){7,11}   # mobile telephone
    )(?![0-9A-Fa-f-]|\.\d{6}Z)
    """,
    re.VERBOSE,
)
_NUMBER_LETTERS_MIN: Final = 9
"""Of the shortest number that is looked for: a mobile telephone."""
_DIGITS: Final = frozenset("0123456789")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")
_QUIET: Final = ("uvicorn.access", "aiokafka", "faststream", "httpx2", "httpcore2", "sqlalchemy.engine", "asyncio")

Event = MutableMapping[str, Any]


def configure_logging(
    level: str = "info", stream: TextIO | None = None, *, for_good: bool = False, **constants: str
) -> None:
    """Every logger of the process writes JSON lines to `stream` (stdout). `constants` stand in each: service, agency.

    `for_good`: it is never configured again in this process, so that a logger need not look for it at each line.

    Other libraries' messages are texts of theirs: they are scrubbed, and written from WARNING upwards. The web
    server's own access log is off, because it writes addresses with their queries; `request.answered` takes its place.
    """
    ours: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        tell_exception,
        keep_allowed,
        scrub,
        # What is ours alone needs no look.
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Constants(constants),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=ours,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("shared", "services", "local", "__main__"):
        logging.getLogger(name).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Our own lines do not go through the standard library: its records cost more than all that is looked at in them.
    structlog.configure(
        processors=[*ours, _render],
        logger_factory=partial(_Lines, stream or sys.stdout),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=for_good,
    )


def tell_exception(_: object, __: str, event: Event) -> Event:
    """An exception becomes its type and the places it went through. Its message stays out: it may quote a row."""
    told = event.pop("exc_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event.setdefault("error", type(error).__name__)
        event["exception"] = list(_places(error))
    event.pop("stack_info", None)
    return event


def keep_allowed(_: object, __: str, event: Event) -> Event:
    """Leaves out every value under a key that is not listed and whose kind could hold something of a person."""
    return {key: value if key in ALLOWED or _is_harmless(key, value) else LEFT_OUT for key, value in event.items()}


def scrub(_: object, __: str, event: Event) -> Event:
    """Blacks out numbers that look like NIK, KK, account or telephone, in values and in messages."""
    return {key: _scrubbed(value) for key, value in event.items()}


def _places(error: BaseException) -> Iterable[str]:
    while True:
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        yield f"{type(error).__name__}: " + " < ".join(f"{each.filename}:{each.lineno}" for each in reversed(frames))
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        error = cause


def _is_harmless(key: str, value: object) -> bool:
    if key.startswith("_"):  # structlog's own
        return True
    if isinstance(value, bool | float | UUID | Enum) or value is None:
        return True
    if isinstance(value, int):
        return abs(value) < 10**14
    if isinstance(value, str):
        return _UUID.fullmatch(value) is not None or (
            key.endswith(("_id", "_code")) and _ID.fullmatch(value) is not None
        )
    return False


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        # Most texts have no digit at all, which is found out at a fraction of what matching costs.
        if len(value) < _NUMBER_LETTERS_MIN or (value.isascii() and _DIGITS.isdisjoint(value)):
            return value
        return _NUMBERS.sub(_stars, value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**14:
        return _NUMBERS.sub(_stars, str(value))
    if isinstance(value, Mapping):
        return {str(key): _scrubbed(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(each) for each in value]
    return value


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found.group())


def _render(_: object, __: str, event: Event) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class _Lines:
    """Writes the lines of one logger, whose name stands in each. A line that cannot be written stops nobody."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self._stream = stream
        self.name = name

    def _write(self, line: str) -> None:
        # As the standard library does: what is told of the work must not end it when nobody reads, or a disk is full.
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = _write


class _Constants:
    """Adds what is the same in every line of the process."""

    def __init__(self, constants: Mapping[str, str]) -> None:
        self._constants = dict(constants)

    def __call__(self, _: object, __: str, event: Event) -> Event:
        return {**self._constants, **event}
