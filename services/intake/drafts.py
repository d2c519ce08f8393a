"""Drafts of families: read, and worked out as they enter if the register knows nobody of them, which is what most do.

Nothing is read or stored for it, and it is most of what a file costs: so it is done ahead, in processes beside the one
that writes (draft_ahead.py). What comes back from there is taken apart by the one that writes, so that a draft is made
of texts and bytes; the rows themselves stay where they are until somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.intake.entrants import enter, new_member
from services.intake.places import place_of
from services.intake.register_lookup import Seen, see
from services.intake.registrations import Drafted, Entrant, Source
from services.intake.rules.admission import Applicant
from services.intake.rules.families import Family, Line, group_families, read_family
from services.intake.write_registrations import as_lines
from shared.messaging.announcing import Announcer
from shared.messaging.causes import Cause
from shared.messaging.ids import new_id
from shared.security import Vault


class Draft(NamedTuple):
    """A family of a file, and what can be said of it before the register is looked into."""

    seen: Seen
    drafted: Drafted | None
    """The family as it enters if nobody of it is known; None where no row is sound, or two are the same person."""
    has_refused: bool
    """Whether some of its rows are refused, which whoever writes it has to keep."""
    first: int
    """Number of its first row."""
    last: int


@dataclass(frozen=True, slots=True)
class Drafter:
    """Drafts what a file says about a region, as one deployment would register and announce it."""

    vault: Vault
    announcer: Announcer
    cause: Cause
    source: Source
    region: str
    today: date
    now: datetime

    def draft(self, lines: Sequence[Line]) -> list[Draft]:
        """The families of some rows, in the order of the file."""
        # Each step is done for all families before the next one begins: a processor remembers what it did just now,
        # and forgets it where all steps take turns. That saves a fifth of the time.
        place = place_of(self.region, today=self.today)
        groups = list(group_families(lines))
        families = [read_family(reference, rows, place, today=self.today) for reference, rows in groups]
        seen = [see(self.vault, family) for family in families]
        entrants = {
            number: self._enter(family, its)
            for number, (family, its) in enumerate(zip(families, seen, strict=True))
            if its.applicants and _are_different(its.applicants)
        }
        drafted = {
            number: as_lines(entrant, self.announcer, self.cause, self.now) for number, entrant in entrants.items()
        }
        return [
            Draft(its, drafted.get(number), len(its.applicants) < len(rows), rows[0][0], rows[-1][0])
            for number, (its, (_, rows)) in enumerate(zip(seen, groups, strict=True))
        ]

    def _enter(self, family: Family, seen: Seen) -> Entrant:
        household_id = new_id()
        members = [
            new_member(row, applicant, household_id, self.source)
            for row, applicant in zip(family.accepted, seen.applicants, strict=True)
        ]
        return enter(self.vault, family, household_id, members, self.source, today=self.today, now=self.now)


def read_again(draft: Draft, lines: Sequence[Line], region: str, *, today: date) -> Family:
    """The family of its rows, read as it was for the draft."""
    return read_family(draft.seen.reference, lines, place_of(region, today=today), today=today)


def _are_different(applicants: Sequence[Applicant]) -> bool:
    numbers = [each.nik_index for each in applicants if each.nik_index is not None]
    return len({each.digest for each in applicants}) == len(applicants) and len(set(numbers)) == len(numbers)
