"""All that is generated from the contracts, as files: a test holds what is committed against it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from shared.events.asyncapi import asyncapi_of
from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event, ServiceName
from shared.events.event_table import event_table, with_event_table
from shared.events.json_schema import schema_of
from shared.serve import find_service

SCHEMAS = Path("shared/events/schemas")
RELEASED = SCHEMAS / "released"
ASYNCAPI = Path("docs/asyncapi")
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
ABOUT = {
    "intake": "The register of people and households; who is who.",
    "verification": "Visits, evidence, scoring, decisions of two people.",
    "programs": "One deployment per agency: programmes, money, places, enrolments, disbursements, graduation.",
    "notifications": "Coordinators: subscriptions, inbox, the board.",
}


def generated(repository: Path) -> dict[Path, str]:
    """Every generated file by its path within the repository."""
    heard: dict[str, list[type[Event]]] = {service: heard_by(service) for service in SERVICES}
    files = {SCHEMAS / f"{event.type}.json": _json(schema_of(event)) for event in CONTRACTS.values()}
    for service in SERVICES:
        document = asyncapi_of(service, ABOUT[service], heard[service], version("tuntas"))
        files[ASYNCAPI / f"{service}.json"] = _json(document)
    files[Path("README.md")] = with_event_table(repository / "README.md", event_table(heard))
    return files


def heard_by(service: ServiceName) -> list[type[Event]]:
    """The events a service hears, in the order of the contracts; none where its code is not in this installation."""
    if importlib.util.find_spec(f"services.{service}.app") is None:
        return []
    router = find_service(service).events
    known = {*router.projections, *router.reactions}
    return [event for event in CONTRACTS.values() if event in known]


def write(repository: Path) -> list[Path]:
    """Write what differs and take away schemas of events that are no more; returns what was changed."""
    files = generated(repository)
    changed = [path for path, text in files.items() if _read(repository / path) != text]
    for path in changed:
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(files[path], encoding="utf-8")
    left = stale(repository, files)
    for path in left:
        (repository / path).unlink()
    return [*changed, *left]


def stale(repository: Path, files: Iterable[Path]) -> list[Path]:
    """Committed schemas of events that no contract has."""
    present = {each.relative_to(repository) for each in (repository / SCHEMAS).glob("*.json")}
    return sorted(present - set(files))


def release(repository: Path, number: str) -> list[Path]:
    """Keep today's schemas as those of a release. Raises FileExistsError: what was released never changes."""
    folder = repository / RELEASED / number
    folder.mkdir(parents=True)
    kept = []
    for event in CONTRACTS.values():
        path = folder / f"{event.type}.json"
        path.write_text(_json(schema_of(event)), encoding="utf-8")
        kept.append(path.relative_to(repository))
    return kept


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
