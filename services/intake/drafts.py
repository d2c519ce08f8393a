"""Drafts of families: read, and worked out as they enter if the register knows nobody of them, which is what most do.

Nothing is read or stored for it, and it is most of what a file costs: so it is done ahead, in processes beside the one
that writes (draft_ahead.py). What comes back from there is taken apart by the one that writes, so that a draft is made
of texts and bytes, and its rows are packed until somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

import orjson
from uuid_utils.compat import uuid7

from services.intake.entrants import enter, new_member
from services.intake.places import place_of
from services.intake.register_lookup import Seen, see
from services.intake.registrations import Drafted, Source
from services.intake.rules.admission import Applicant
from services.intake.rules.families import Family, Line, group_families, read_family
from services.intake.write_registrations import as_lines
from shared.security import Vault


class Draft(NamedTuple):
    """A family of a file, and what can be said of it before the register is looked into."""

    seen: Seen
    drafted: Drafted | None
    """The family as it enters if nobody of it is known; None where a row is refused, or two are the same person."""
    rows: bytes
    """The lines of the file, packed."""

    def read_again(self, region: str, *, today: date) -> Family:
        """The family with all its rows, read as it was for the draft."""
        lines = [(number, cells) for number, cells in orjson.loads(self.rows)]
        return read_family(self.seen.reference, lines, place_of(region, today=today), today=today)


def draft_families(
    vault: Vault, lines: Iterable[Line], source: Source, region: str, *, today: date, now: datetime
) -> list[Draft]:
    """The families of some rows of a file about a region, in the order of the file."""
    place = place_of(region, today=today)
    return [
        _draft(vault, read_family(reference, rows, place, today=today), rows, source, today, now)
        for reference, rows in group_families(lines)
    ]


def _draft(vault: Vault, family: Family, rows: Sequence[Line], source: Source, today: date, now: datetime) -> Draft:
    accepted, seen, packed = family.accepted, see(vault, family), orjson.dumps(rows)
    if len(accepted) < len(family.rows) or not _are_different(seen.applicants):
        return Draft(seen, None, packed)
    household_id = uuid7()
    members = [
        new_member(row, applicant, household_id, source)
        for row, applicant in zip(accepted, seen.applicants, strict=True)
    ]
    return Draft(seen, as_lines(enter(vault, family, household_id, members, source, today=today, now=now)), packed)


def _are_different(applicants: Sequence[Applicant]) -> bool:
    numbers = [each.nik_index for each in applicants if each.nik_index is not None]
    return len({each.digest for each in applicants}) == len(applicants) and len(set(numbers)) == len(numbers)
