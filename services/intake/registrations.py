"""What is being registered and from where: passed between the verb that decides and the one that writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.intake.register_lookup import Standing
from services.intake.rules.families import Family
from shared.messaging.causes import Cause


@dataclass(frozen=True, slots=True)
class Source:
    """Where families come from."""

    register_code: str
    numbering: str | None = None
    import_id: UUID | None = None
    into: UUID | None = None
    """The household that new members join; its change is announced by whoever lets them join."""


@dataclass(slots=True)
class Registration:
    """What became of one family."""

    family: Family
    household_id: UUID
    is_new: bool
    standing: Standing | None
    members: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0
    cause: Cause | None = None
    """Why this family is registered, where several are registered for different reasons at once."""

    @property
    def enters(self) -> bool:
        """Whether a household is made: one whose every row is held has nobody to register."""
        return self.is_new and bool(self.members)

    @property
    def exists(self) -> bool:
        """Whether there is a household in the end: the new one, or the one that stood already."""
        return self.enters or not self.is_new

    @property
    def region(self) -> str:
        """Where the household is: a household that stands already may have moved since the file was written."""
        return self.standing.region if self.standing else self.family.region
