"""Instances of every contract, as Hypothesis imagines them within the bounds of each field."""

from __future__ import annotations

import re
from datetime import UTC, date
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.events.envelope import Event
from shared.events.fields import UNKNOWN, Instant, OpenEnum
from tests.contracts.kinds import fields_of

_LIST_MAX = 3
_INT_MAX = 10**15 - 1


def instances_of(event: type[Event]) -> st.SearchStrategy[Any]:
    return _model(event)


def _model(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    bounds = {name: field.metadata for name, field in model.model_fields.items()}
    fields = {name: _kind(kind, _limits(bounds[name])) for name, kind in fields_of(model).items()}
    return st.fixed_dictionaries(fields).map(model.model_validate)


def _kind(kind: Any, limits: dict[str, Any]) -> st.SearchStrategy[Any]:
    if kind == Instant:
        return st.datetimes(timezones=st.just(UTC))
    if get_origin(kind) is Annotated:
        inner, *annotations = get_args(kind)
        return _kind(inner, {**_limits(annotations), **limits})
    if get_origin(kind) is list:
        least = limits.pop("min_length", 0)
        return st.lists(_kind(get_args(kind)[0], {}), min_size=least, max_size=_LIST_MAX)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_args(kind):
        return st.one_of(*(_kind(each, dict(limits)) for each in get_args(kind)))
    return _plain(kind, limits)


def _plain(kind: Any, limits: dict[str, Any]) -> st.SearchStrategy[Any]:
    if issubclass(kind, BaseModel):
        return _model(kind)
    if issubclass(kind, OpenEnum):
        return st.sampled_from([each for each in kind if each.value != UNKNOWN])
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind is str:
        return _text(**limits)
    if kind is int:
        return st.integers(limits.get("ge", 0), limits.get("le", _INT_MAX))
    known = {UUID: st.uuids(), date: st.dates(), bool: st.booleans(), type(None): st.none()}
    return known[kind]


def _text(pattern: str, min_length: int = 0, max_length: int = 200) -> st.SearchStrategy[str]:
    texts = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    return texts.filter(lambda text: min_length <= len(text) <= max_length)


def _limits(annotations: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in annotations:
        for one in each.metadata if isinstance(each, FieldInfo) else [each]:
            for name in ("ge", "le", "min_length", "max_length", "pattern"):
                if getattr(one, name, None) is not None:
                    found[name] = getattr(one, name)
    return found
