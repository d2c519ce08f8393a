"""Reads programme files. A wrong one fails when it is loaded, with the file, the place in it and the rule it breaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from services.programs.rules.programme import Programme

FILE_BYTES_MAX = 128 * 1024


class ProgrammeFileError(ValueError):
    """The file is not acceptable. ``places`` says each wrong place and the rule it breaks."""

    def __init__(self, name: str, places: list[tuple[str, str]]) -> None:
        self.name = name
        self.places = places
        super().__init__(
            "\n".join([f"{name}: the programme is not acceptable", *(f"  {at}: {why}" for at, why in places)])
        )


@dataclass(frozen=True, slots=True)
class ProgrammeFile:
    """A programme and the very text it was read from."""

    name: str
    text: str
    programme: Programme

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_programme(text: str, name: str) -> ProgrammeFile:
    """The programme of a YAML text; ``name`` says in errors which file it was. Raises ProgrammeFileError."""
    if len(text.encode()) > FILE_BYTES_MAX:
        raise ProgrammeFileError(name, [("file", f"larger than {FILE_BYTES_MAX} bytes")])
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader that also refuses double keys
    except yaml.YAMLError as error:
        raise ProgrammeFileError(name, [("file", f"not YAML: {error}")]) from None
    try:
        return ProgrammeFile(name, text, Programme.model_validate(document))
    except ValidationError as error:
        raise ProgrammeFileError(name, [_place(dict(found)) for found in error.errors(include_url=False)]) from None


def shipped() -> dict[str, str]:
    """Names of the programme files that ship with this release → their text."""
    folder = files("services.programs.programmes")
    return {
        each.name.removesuffix(".yaml"): each.read_text(encoding="utf-8")
        for each in sorted(folder.iterdir(), key=lambda each: each.name)
        if each.name.endswith(".yaml")
    }


def _place(found: dict[str, Any]) -> tuple[str, str]:
    where = ".".join(str(part) for part in found["loc"]) or "file"
    hint = " (YAML reads 64.72 as a number: put codes in quotes)" if found["type"] == "string_type" else ""
    return where, f"{found['msg'].removeprefix('Value error, ')}{hint}"


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)
