"""The clients' own journal: what was asked is written before it is sent, what was acknowledged when the answer came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass
class Entry:
    """One request. ``answer`` is None as long as nothing was acknowledged."""

    number: int
    kind: str
    about: dict[str, Any]
    answer: Any = None
    refused: str | None = None
    """The code of a refusal: an answer, too, and nothing was done."""


class Journal:
    """Of one scene; on disk, so that a drill that dies can still be judged by hand."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self.entries: list[Entry] = []

    def asks(self, kind: str, **about: Any) -> Entry:
        """Before a request is sent."""
        entry = Entry(len(self.entries), kind, about)
        self.entries.append(entry)
        self._write(entry.number, "asks", {"kind": kind, **about})
        return entry

    def acknowledged(self, entry: Entry, answer: Any) -> None:
        entry.answer = answer
        self._write(entry.number, "acknowledged", answer)

    def refused(self, entry: Entry, code: str) -> None:
        entry.refused = code
        self._write(entry.number, "refused", code)

    def of(self, kind: str) -> Iterator[Entry]:
        return (each for each in self.entries if each.kind == kind)

    @property
    def acknowledgements(self) -> int:
        return sum(each.answer is not None for each in self.entries)

    @property
    def without_answer(self) -> int:
        return sum(each.answer is None and each.refused is None for each in self.entries)

    def _write(self, number: int, word: str, about: Any) -> None:
        self._file.write(orjson.dumps([number, word, about], default=str) + b"\n")
