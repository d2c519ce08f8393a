"""What is being registered and from where: passed between the verb that decides and the one that writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from services.intake.register_lookup import Seen, Standing
from services.intake.rules.families import Family
from shared.messaging.announcing import Checked
from shared.messaging.causes import Cause
from shared.messaging.written_ahead import WrittenAhead


@dataclass(frozen=True, slots=True)
class Source:
    """Where families come from."""

    register_code: str
    numbering: str | None = None
    import_id: UUID | None = None
    into: UUID | None = None
    """The household that new members join; its change is announced by whoever lets them join."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A family as it enters the register: the rows of all its tables, sealed, and what is said of it."""

    household_id: UUID
    household: dict[str, Any]
    key: dict[str, Any]
    card: dict[str, Any] | None
    members: list[dict[str, Any]]
    said: tuple[Checked, ...]


class Drafted(NamedTuple):
    """The same as lines that are written as they are, and quickly taken over from another process."""

    household_id: bytes
    member_ids: Sequence[bytes]
    warned: int
    """So many members have warnings."""
    wrapped_key: bytes
    household: bytes
    key: bytes
    card: bytes
    """Nothing where there is none."""
    members: bytes
    said: WrittenAhead


@dataclass(slots=True)
class Registration:
    """What became of one family."""

    seen: Seen
    household_id: UUID
    is_new: bool
    standing: Standing | None
    family: Family | None = None
    """None where nobody had to look at its rows: all of it entered as drafted, or it stands already."""
    members: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0
    cause: Cause | None = None
    """Why this family is registered, where several are registered for different reasons at once."""
    drafted: Drafted | None = None

    @property
    def joined(self) -> int:
        """So many people became members."""
        return len(self.members) if self.drafted is None else len(self.drafted.member_ids)

    @property
    def warned(self) -> int:
        """So many of them with warnings."""
        return sum(bool(member["warnings"]) for member in self.members) if self.drafted is None else self.drafted.warned

    @property
    def enters(self) -> bool:
        """Whether a household is made: one whose every row is held has nobody to register."""
        return self.is_new and self.joined > 0

    @property
    def exists(self) -> bool:
        """Whether there is a household in the end: the new one, or the one that stood already."""
        return self.enters or not self.is_new

    @property
    def region(self) -> str:
        """Where the household is: a household that stands already may have moved since the file was written."""
        return self.standing.region if self.standing else self.seen.region
