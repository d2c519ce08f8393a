"""Contracts only grow: nothing that was released is taken away, tightened or made to mean something else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.events.contracts import CONTRACTS
from shared.events.export import RELEASED
from shared.events.json_schema import schema_of
from shared.events.programs import AidDisbursed
from shared.events.verification import HouseholdVerified
from tests.contracts.growth import breaks_between

ROOT = Path(__file__).resolve().parents[2]
RELEASES = sorted((ROOT / RELEASED).glob("*/*.json"))
BY_TYPE = {event.type: event for event in CONTRACTS.values()}

Schema = dict[str, Any]


def _read(path: Path) -> Schema:
    loaded: Schema = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_released_schema_has_only_grown(path: Path) -> None:
    event = BY_TYPE.get(path.stem)
    assert event is not None, f"{path.stem} was released in {path.parent.name} and is gone"
    assert breaks_between(_read(path), schema_of(event)) == []


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_was_announced_then_is_understood_today(path: Path) -> None:
    for example in _read(path)["examples"]:
        BY_TYPE[path.stem].model_validate_json(json.dumps(example))


def _drop(schema: Schema) -> None:
    del schema["properties"]["score"]
    schema["required"].remove("score")


def _retype(schema: Schema) -> None:
    schema["properties"]["score"] = {"type": "string"}


def _tighten(schema: Schema) -> None:
    schema["properties"]["score"]["maximum"] = 50


def _loosen(schema: Schema) -> None:
    schema["properties"]["score"]["maximum"] = 1_000


def _demand(schema: Schema) -> None:
    schema["properties"]["added"] = {"type": "integer"}
    schema["required"].append("added")


def _no_longer_promise(schema: Schema) -> None:
    schema["required"].remove("score")


def _forget_a_state(schema: Schema) -> None:
    schema["$defs"]["Category"]["enum"].remove("vulnerable")


def _open(schema: Schema) -> None:
    del schema["additionalProperties"]


def _change_a_pattern(schema: Schema) -> None:
    schema["properties"]["region"]["pattern"] = "^[0-9]{10}$"


def _announce_elsewhere(schema: Schema) -> None:
    schema["x-announcer"] = "intake"


def _demand_in_a_part(schema: Schema) -> None:
    schema["$defs"]["OutcomeOfMember"]["properties"]["on"] = {"type": "string"}
    schema["$defs"]["OutcomeOfMember"]["required"].append("on")


@pytest.mark.parametrize(
    "change",
    [
        _drop, _retype, _tighten, _loosen, _demand, _no_longer_promise, _forget_a_state, _open, _change_a_pattern,
        _announce_elsewhere, _demand_in_a_part,
    ],
)  # fmt: skip
def test_a_break_is_found(change: Callable[[Schema], None]) -> None:
    released = schema_of(HouseholdVerified)
    current = copy.deepcopy(released)
    change(current)
    assert breaks_between(released, current)


def test_growth_is_no_break() -> None:
    released = schema_of(HouseholdVerified)
    current = copy.deepcopy(released)
    current["description"] = "Said better."
    current["properties"]["visits"] = {"type": "integer", "default": None}
    current["properties"]["place"] = {"$ref": "#/$defs/Place"}
    current["$defs"]["Place"] = {"type": "object", "properties": {}, "additionalProperties": False}
    current["$defs"]["OutcomeOfMember"]["properties"]["on"] = {"type": "string"}
    current["$defs"]["Category"]["enum"].append("middling")
    Draft202012Validator.check_schema(current)
    assert breaks_between(released, current) == []


def test_the_schema_of_every_event_has_not_broken_itself() -> None:
    assert breaks_between(schema_of(AidDisbursed), schema_of(AidDisbursed)) == []
