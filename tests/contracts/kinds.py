"""What the fields of a contract are made of, followed into lists, options and parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from shared.events.contracts import CONTRACTS
from shared.events.fields import Code, Part

EVENTS = list(CONTRACTS.values())


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a contract or part with their types as written, in the order of the schema."""
    hints = get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def leaves(kind: Any) -> Iterator[Any]:
    """The kinds inside options and lists; a bounded or literal kind is one as it stands."""
    inner = get_args(kind)
    if get_origin(kind) is Annotated:
        yield from leaves(inner[0]) if get_args(inner[0]) else (kind,)
    elif not inner or get_origin(kind) is Literal:
        yield kind
    else:
        for each in inner:
            yield from leaves(each)


def parts_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A contract itself and every part it holds, at any depth."""
    yield model
    for kind in fields_of(model).values():
        for leaf in leaves(kind):
            if isinstance(leaf, type) and issubclass(leaf, Part):
                yield from parts_of(leaf)


def coded_fields(model: type[BaseModel]) -> Iterator[str]:
    """Names of the fields that take codes, as code lists name them: ``HouseholdRejected.reasons``."""
    for part in dict.fromkeys(parts_of(model)):
        for name, kind in fields_of(part).items():
            if Code in leaves(kind):
                yield f"{part.__name__}.{name}"


def codes_in(value: Any, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Every code in an event's JSON, with the field it stands in."""
    for name, kind in fields_of(model).items():
        found = value.get(name)
        for each in found if isinstance(found, list) else [found]:
            if each is None:
                continue
            for leaf in leaves(kind):
                if leaf == Code:
                    yield f"{model.__name__}.{name}", each
                elif isinstance(leaf, type) and issubclass(leaf, Part):
                    yield from codes_in(each, leaf)
