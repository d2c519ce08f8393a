"""What the topics of a city hold: records, and the events of its own relays among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.events.topics import parse_topic


class Numbered(NamedTuple):
    """What makes a fact one, however often it is said."""

    topic: str
    key: bytes
    sequence: int


class Where(NamedTuple):
    """Of a fact, its full type and the place on its topic where it was said first."""

    type: str
    partition: int
    offset: int


@dataclass
class Announced:
    """Filled record by record, each partition in its order."""

    root: str
    records: int = 0
    facts: dict[Numbered, Where] = field(default_factory=dict)
    _ids: set[bytes] = field(default_factory=set)

    @property
    def events(self) -> int:
        """Facts and profiles by their ids: each once however often it was sent."""
        return len(self._ids)

    def note(self, record: Any) -> None:
        """Count a record; it is an event where a relay of the city's said it.

        Our facts are numbered, and nobody forges profiles.
        """
        self.records += 1
        headers, topic = dict(record.headers), parse_topic(record.topic, self.root)
        if topic is not None and topic.kind == "facts":
            sequence = headers.get("ce_sequence") or b""
            if not sequence.isdigit():
                return
            fact = Numbered(record.topic, record.key or b"", int(sequence))
            self.facts.setdefault(
                fact, Where((headers.get("ce_type") or b"").decode(), record.partition, record.offset)
            )
        ident: bytes | None = headers.get("ce_id")
        if ident is not None:
            self._ids.add(ident)
