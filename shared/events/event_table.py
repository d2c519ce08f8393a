"""The table of all events in README.md: who announces what, who hears it, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event

BEGIN = "<!-- events: written by `tuntas events export` -->"
END = "<!-- /events -->"


def event_table(heard: Mapping[str, Iterable[type[Event]]]) -> str:
    """Markdown rows of all events; ``heard`` says for each service what it hears."""
    rows = ["| event | announced by | heard by | says |", "|---|---|---|---|"]
    for event in CONTRACTS.values():
        hearers = " ".join(service for service, events in heard.items() if event in set(events)) or "–"
        says = " ".join((event.__doc__ or "").split()).replace("|", "\\|")
        name = f"[`{event.__name__}`](shared/events/schemas/{event.type}.json)"
        announcer = f"{event.announcer} (profile)" if event.kind == "profiles" else event.announcer
        rows.append(f"| {name} | {announcer} | {hearers} | {says} |")
    return "\n".join(rows)


def with_event_table(readme: Path, table: str) -> str:
    """The README with this table between its two marks. Raises ValueError where it has no marks."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no marks for the event table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
