"""What the officers will find: ``answers.json`` of the register generator, typed.

Only the story's hands know it, as people know what they see at a door; no service reads it. Rows are numbered as the
files number them (``no_urut``), so that what a service says about a row can be joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Later:
    """What a family will do, and what the bank will."""

    wants_business_aid: bool
    reaches_every_goal: bool
    lets_offers_expire: bool
    wants_house_repair: bool
    bank_refuses: str | None
    second_payment_works: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the closed list. ``outcome`` is None where there is no member to look for."""

    register_row: int
    cohort_row: int
    at_intake: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class ListedFamily:
    """A family of the closed list. ``answers`` is None where nobody answers, for ``reason``."""

    id: str
    region: str
    is_verified: bool
    reason: str | None
    confirmed: int
    members: tuple[Listed, ...]
    answers: dict[str, Any] | None
    later: Later


@dataclass(frozen=True, slots=True)
class Truth:
    """All answers. ``register`` and ``cohort`` are counts that services must arrive at."""

    families: dict[str, ListedFamily]
    """By id in the sending register."""
    register: dict[str, Any]
    cohort: dict[str, Any]
    figures: dict[str, Any]

    @property
    def verified(self) -> list[ListedFamily]:
        return [family for family in self.families.values() if family.is_verified]


def read(path: Path) -> Truth:
    """The answers in a file that ``local.register`` wrote."""
    document = orjson.loads(path.read_bytes())
    families = (_family(each) for each in document["families"])
    return Truth(
        families={family.id: family for family in families},
        register=document["register"],
        cohort=document["cohort"],
        figures=document["figures"],
    )


def _family(said: dict[str, Any]) -> ListedFamily:
    return ListedFamily(
        id=said["id"],
        region=said["region"],
        is_verified=said["result"] == "verified",
        reason=said["reason"],
        confirmed=said["confirmed"],
        members=tuple(
            Listed(each["register_row"], each["cohort_row"], each["at_intake"], each["outcome"])
            for each in said["members"]
        ),
        answers=said["answers"],
        later=Later(**said["later"]),
    )
