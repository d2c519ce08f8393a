"""Dated code lists: what the coded fields of events may say, in words for people, with the source of each list.

A code that is not listed breaks no reader: a field only promises its form (``Code``). What our own services announce
is listed, and a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events.fields import Code


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Entry):
    """A text in both languages."""

    id: str = Field(min_length=2)
    en: str = Field(min_length=2)


class ListedCode(Words):
    """One code. ``source`` and the days are the list's where the code states none of its own."""

    source: str = Field(min_length=3)
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class CodeList(_Entry):
    """The codes of one or more fields, named as ``HouseholdRejected.reasons``."""

    name: Code
    title: Words
    fields: tuple[str, ...]
    codes: Mapping[Code, ListedCode] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _spread_what_all_share(cls, stated: dict[str, Any]) -> dict[str, Any]:
        shared = {name: stated.pop(name) for name in ("source", "valid_from") if name in stated}
        stated["codes"] = {code: {**shared, **entry} for code, entry in stated["codes"].items()}
        return stated

    def text(self, code: str, locale: Literal["id", "en"]) -> str:
        """The code in words; a code that is not listed is shown as it is."""
        listed = self.codes.get(code)
        return code if listed is None else str(getattr(listed, locale))


@cache
def code_lists() -> dict[str, CodeList]:
    """Every list by its name, which is the name of its file. Raises ValidationError where a file is wrong."""
    found = sorted((each for each in files(__name__).iterdir() if each.name.endswith(".yaml")), key=lambda f: f.name)
    return {
        each.name.removesuffix(".yaml"): CodeList.model_validate(
            {"name": each.name.removesuffix(".yaml"), **yaml.safe_load(each.read_text(encoding="utf-8"))}
        )
        for each in found
    }


@cache
def lists_of_field(field: str) -> tuple[CodeList, ...]:
    """The lists a field takes its codes from, e.g. of ``HouseholdRejected.reasons``."""
    return tuple(each for each in code_lists().values() if field in each.fields)


def is_listed(field: str, code: str, on: date) -> bool:
    """Whether a code of a field is listed and in force on a day."""
    return any(code in each.codes and each.codes[code].holds_on(on) for each in lists_of_field(field))
