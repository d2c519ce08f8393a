"""JSON Schema of a contract, as an announcer must obey it: closed, with the example and the code lists inside.

A reader ignores what it does not know; whoever announces may not add to it.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.events.codes import lists_of_field
from shared.events.envelope import Event
from shared.events.fields import UNKNOWN, OpenEnum


class _Contract(GenerateJsonSchema):
    """Without the titles that pydantic makes of field names: they say nothing a name does not."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the generator's own signature
        return False

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """What a reader makes of a state it does not know is nothing that an announcer may say."""
        made = super().enum_schema(schema)
        if issubclass(schema["cls"], OpenEnum):
            made["enum"] = [value for value in made["enum"] if value != UNKNOWN]
        return made


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an event's data."""
    made = event.model_json_schema(schema_generator=_Contract)
    for name, part in made.get("$defs", {}).items():
        _close(part, name)
    _close(made, event.__name__)
    definitions = made.pop("$defs", {})
    about = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": event.schema_urn(),
        "title": event.__name__,
        "description": _one_line(made.pop("description", "")),
        "x-type": event.full_type(),
        "x-announcer": event.announcer,
        "x-topic": "tuntas{}.{}.{{agency}}".format("-profiles" if event.kind == "profiles" else "", event.announcer),
        "x-subject": event.subject_kind,
        **({"x-key": event.subject_field} if event.subject_field in event.model_fields else {}),
        "examples": [event.example],
    }
    made.pop("title", None)
    return {**about, **made, **({"$defs": definitions} if definitions else {})}


def _close(schema: dict[str, Any], owner: str) -> None:
    if schema.get("type") != "object":
        schema.pop("title", None)
        return
    schema["additionalProperties"] = False
    if "description" in schema:
        schema["description"] = _one_line(schema["description"])
    for field, of_field in schema["properties"].items():
        lists = [each.name for each in lists_of_field(f"{owner}.{field}")]
        if lists:
            of_field["x-code-lists"] = lists


def _one_line(text: str) -> str:
    return " ".join(text.split())
