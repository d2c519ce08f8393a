"""What pydantic found wrong, in the words of the catalogue. Nothing that was sent is repeated."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.problem import Finding, Problem
from shared.texts import Locale, catalogue, has_text, text

FINDINGS_MAX: Final = 20
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TYPES: Final = {
    "string_type": "string",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "float_parsing": "number",
    "bool_type": "boolean",
    "bool_parsing": "boolean",
    "list_type": "list",
    "tuple_type": "list",
    "set_type": "list",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "uuid_type": "uuid",
    "uuid_parsing": "uuid",
}
_LIMITS: Final = {
    "string_too_short": ("too-short", "min_length"),
    "string_too_long": ("too-long", "max_length"),
    "too_short": ("too-short", "min_length"),
    "too_long": ("too-long", "max_length"),
    "greater_than": ("too-small", "gt"),
    "greater_than_equal": ("too-small", "ge"),
    "less_than": ("too-large", "lt"),
    "less_than_equal": ("too-large", "le"),
}
_PLAIN: Final = {
    "missing": "missing",
    "extra_forbidden": "not-expected",
    "string_pattern_mismatch": "wrong-form",
    "string_unicode": "wrong-form",
    "int_parsing_size": "wrong-form",
}


def problem_of(errors: Sequence[Mapping[str, Any]], locale: Locale) -> Problem:
    """The problem that answers a RequestValidationError."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return Problem("json-invalid", status=400, position=int(first["loc"][-1]))
    if first["type"] == "missing" and tuple(first["loc"]) == ("body",):
        return Problem("body-missing", status=422)
    findings = [finding_of(each, locale) for each in errors[:FINDINGS_MAX]]
    return Problem("invalid", status=422, field=findings[0].field, errors=findings)


def finding_of(error: Mapping[str, Any], locale: Locale) -> Finding:
    """One pydantic error as code, field and text. Own PydanticCustomErrors keep their code and values."""
    kind, place = str(error["type"]), field_of(error["loc"])
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind in _TYPES:
        return Finding("wrong-type", place, {"expected": text(f"type.{_TYPES[kind]}", locale)})
    if kind in _LIMITS:
        code, limit = _LIMITS[kind]
        return Finding(code, place, {"limit": context.get(limit, "?")})
    if kind in {"literal_error", "enum"}:
        return Finding("not-a-choice", place, {"expected": context.get("expected", "?")})
    if kind.startswith(("date", "time")):
        return Finding("wrong-date", place)
    if has_text(f"reason.{kind}") and catalogue().placeholders(f"reason.{kind}") <= context.keys():
        return Finding(kind, place, context)
    return Finding(_PLAIN.get(kind, "not-accepted"), place)


def field_of(location: Sequence[str | int]) -> str:
    """A place as `members[0].nik`, or `query.limit`. A name that a sender made up does not pass: it may be anything."""
    parts = location[1:] if location and location[0] == "body" else location
    place = ""
    for part in parts:
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            place += f"{'.' if place else ''}{part if _NAME.fullmatch(part) else '?'}"
    return place or "body"
