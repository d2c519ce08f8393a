"""Schemas, AsyncAPI and the README's table are what the classes say; `tuntas events export` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.events import export
from shared.events.envelope import Event
from tests.contracts.kinds import EVENTS

ROOT = Path(__file__).resolve().parents[2]
GENERATED = export.generated(ROOT)


def _schema(event: type[Event]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / export.SCHEMAS / f"{event.type}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path)) for path in GENERATED])
def test_what_is_committed_is_what_the_classes_say(path: Path) -> None:
    assert (ROOT / path).is_file(), "run `tuntas events export`"
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path], "run `tuntas events export`"


def test_no_schema_is_left_of_an_event_that_is_no_more() -> None:
    assert export.stale(ROOT, GENERATED) == []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_the_schema_takes_its_example_and_nothing_added_to_it(event: type[Event]) -> None:
    schema = _schema(event)
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert schema["examples"] == [event.example]
    checker.validate(event.example)
    checker.validate(event.from_example().model_dump(mode="json"))
    assert not checker.is_valid({**event.example, "added": 1})
    assert not checker.is_valid({name: value for name, value in event.example.items() if name != schema["required"][0]})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_object_of_a_schema_is_closed(event: type[Event]) -> None:
    schema = _schema(event)
    objects = [each for each in (schema, *schema.get("$defs", {}).values()) if each["type"] == "object"]
    assert all(each["additionalProperties"] is False for each in objects)


@pytest.mark.parametrize("service", export.SERVICES)
def test_asyncapi_refers_to_what_is_there(service: str) -> None:
    path = ROOT / export.ASYNCAPI / f"{service}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for reference in _references(document):
        if reference.startswith("#/"):
            found = document
            for step in reference[2:].split("/"):
                found = found[step]
        else:
            assert (path.parent / reference).is_file(), reference


@pytest.mark.parametrize("service", export.SERVICES)
def test_asyncapi_says_what_a_service_sends_and_hears(service: Any) -> None:
    document = json.loads((ROOT / export.ASYNCAPI / f"{service}.json").read_text(encoding="utf-8"))
    said: dict[str, set[str]] = {"send": set(), "receive": set()}
    for operation in document["operations"].values():
        said[operation["action"]] |= {each["$ref"].rsplit("/", 1)[1] for each in operation["messages"]}
    assert said["send"] == {event.__name__ for event in EVENTS if event.announcer == service}
    assert said["receive"] == {event.__name__ for event in export.heard_by(service)}


def test_the_table_has_a_row_per_event() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]", readme, flags=re.MULTILINE)
    assert rows == [event.__name__ for event in EVENTS]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    return [each for value in node for each in _references(value)] if isinstance(node, list) else []
