"""The named list that a decree adopts, as text whose hash both the decree and the facts carry.

Names stand in intake's register alone; the list carries the ids by which they are found there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

HEADER = "household_id,persons,rupiah"


@dataclass(frozen=True, slots=True)
class Line:
    household_id: UUID
    persons: int
    rupiah: int


def list_text(lines: Iterable[Line]) -> str:
    """The list in its one canonical form: a header, then a line per household in the order of the ids."""
    rows = [f"{line.household_id},{line.persons},{line.rupiah}" for line in sorted(lines, key=lambda x: x.household_id)]
    return "\n".join([HEADER, *rows]) + "\n"


def sha256_of(text: str) -> str:
    """Hash of a canonical list, in lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
