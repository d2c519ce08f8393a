"""Whether a schema has only grown since a release: what was there is as it was, what is new is optional.

jsoncompat judges what was there, both ways: today's reader takes all that was ever announced, and what is announced
today still reaches yesterday's reader. New optional fields are left out of its sight, because it knows no tolerant
readers; so are new words of a state, which older readers take as UNKNOWN.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsoncompat

Schema = dict[str, Any]


def breaks_between(released: Schema, current: Schema) -> list[str]:
    """How a schema breaks those who rely on the released one; empty where it has only grown."""
    found = [*_lost_or_demanded(released, current), *_changed_about(released, current)]
    if found:
        return found
    as_it_was = json.dumps(_without_what_is_new(released, current))
    before = json.dumps(_bare(released))
    return [
        f"jsoncompat: not compatible as {role}"
        for role in ("serializer", "deserializer")
        if not jsoncompat.check_compat(before, as_it_was, role)
    ]


def _lost_or_demanded(released: Schema, current: Schema) -> Iterator[str]:
    for name, old in _objects(released):
        new = dict(_objects(current)).get(name)
        if new is None:
            yield f"{name} is gone"
            continue
        yield from (f"{name}.{field} is gone" for field in old["properties"] if field not in new["properties"])
        demanded, asked = set(new.get("required", ())), set(old.get("required", ()))
        yield from (f"{name}.{field} is demanded now" for field in sorted(demanded - asked))
        yield from (f"{name}.{field} is no longer promised" for field in sorted(asked - demanded))
        if new.get("additionalProperties") is not False:
            yield f"{name} is open now"


def _changed_about(released: Schema, current: Schema) -> Iterator[str]:
    for name in ("$id", "title", "x-type", "x-announcer", "x-topic", "x-subject", "x-key"):
        if released.get(name) != current.get(name):
            yield f"{name} was {released.get(name)!r}, is {current.get(name)!r}"
    for state, old in _states(released):
        new = dict(_states(current)).get(state, [])
        yield from (f"{state} no longer knows {word}" for word in old if word not in new)
    forms = dict(_forms(current))
    for place, form in _forms(released):
        if forms.get(place, form) != form:
            yield f"{place} was {form}, is {forms[place]}"


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for name, each in {schema["title"]: schema, **schema.get("$defs", {})}.items():
        if each.get("type") == "object":
            yield name, each


def _states(schema: Schema) -> Iterator[tuple[str, list[str]]]:
    for name, each in schema.get("$defs", {}).items():
        if "enum" in each:
            yield name, each["enum"]


def _forms(schema: Schema) -> Iterator[tuple[str, str]]:
    """Patterns and formats by their place: jsoncompat does not compare them."""
    for name, each in _objects(schema):
        for field, kind in each["properties"].items():
            yield from ((f"{name}.{field}/{place}", form) for place, form in _forms_in(kind, ""))


def _forms_in(kind: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(kind, list):
        kind = dict(enumerate(kind))
    if isinstance(kind, dict):
        for name, each in kind.items():
            if name in ("pattern", "format"):
                yield f"{place}{name}", each
            else:
                yield from _forms_in(each, f"{place}{name}/")


def _without_what_is_new(released: Schema, current: Schema) -> Schema:
    projected = copy.deepcopy(current)
    was = dict(_objects(released))
    for name, each in _objects(projected):
        if name in was:
            each["properties"] = {
                field: kind for field, kind in each["properties"].items() if field in was[name]["properties"]
            }
    known = dict(_states(released))
    for name, each in projected.get("$defs", {}).items():
        if name in known:
            each["enum"] = known[name]
    projected["$defs"] = {
        name: each for name, each in projected.get("$defs", {}).items() if name in released.get("$defs", {})
    }
    return _bare(projected)


def _bare(schema: Schema) -> Schema:
    """Only what decides about validity."""
    return {name: each for name, each in schema.items() if name not in ("examples", "$id") and name[:2] != "x-"}
