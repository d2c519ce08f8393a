"""Each event has one announcer: one class, one file, one service whose code says it."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from pathlib import Path

import pytest

from shared.events import intake, notifications, programs, verification
from shared.events.envelope import TYPE_PREFIX, Event
from tests.contracts.kinds import EVENTS

ROOT = Path(__file__).resolve().parents[2]
FILES = {"intake": intake, "verification": verification, "programs": programs, "notifications": notifications}
BY_NAME = [pytest.param(event, id=event.__name__) for event in EVENTS]


def test_no_two_events_share_a_name_or_a_type() -> None:
    for names in (Counter(event.__name__ for event in EVENTS), Counter(event.full_type() for event in EVENTS)):
        assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("event", BY_NAME)
def test_an_event_stands_in_the_file_of_its_announcer(event: type[Event]) -> None:
    assert inspect.getmodule(event) is FILES[event.announcer]
    assert event.type.rpartition(".v")[2].isdigit()
    assert event.full_type() == TYPE_PREFIX + event.type


@pytest.mark.parametrize("event", BY_NAME)
def test_an_event_says_in_words_what_it_means(event: type[Event]) -> None:
    own = vars(event).get("__doc__")
    assert own, f"{event.__name__} has no docstring"
    assert own.strip().endswith(".")


@pytest.mark.parametrize("service", sorted(FILES))
def test_a_service_makes_no_event_of_another(service: str) -> None:
    foreign = {event.__name__ for event in EVENTS if event.announcer != service}
    made = {
        f"{path.relative_to(ROOT)}:{call.lineno} {name}"
        for path in (ROOT / "services" / service).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and (name := _made(call)) in foreign
    }
    assert made == set()


@pytest.mark.parametrize("event", BY_NAME)
def test_somebody_announces_it(event: type[Event]) -> None:
    files = (ROOT / "services" / event.announcer).rglob("*.py")
    made = any(
        isinstance(call, ast.Call) and _made(call) == event.__name__
        for path in files
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    assert made, f"{event.announcer} never makes a {event.__name__}: a contract nobody keeps is none"


def _made(call: ast.Call) -> str:
    """The event that a call makes: of itself, or of values."""
    name = _name(call.func)
    return _name(call.args[0]) if name == "made_and_checked" and call.args else name


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
