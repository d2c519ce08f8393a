"""Whether a sound row becomes a member, is known already, or is held because its person number is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

NIK_TAKEN = "same-national-id"


class Verdict(StrEnum):
    MEMBER = "member"
    KNOWN = "known"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Holder:
    """The active person who has a number."""

    household_id: UUID
    member_id: UUID
    region: str
    import_id: UUID | None


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one row; for a held row, whose number it is."""

    verdict: Verdict
    holder: Holder | None = None


class Applicant(NamedTuple):
    """What is compared of a row: keyed digest of its cells, blind index of its number."""

    digest: bytes
    nik_index: bytes | None


def admit(
    applicant: Applicant,
    *,
    household_id: UUID,
    import_id: UUID | None,
    holders: Mapping[bytes, Holder],
    digests: Iterable[bytes],
) -> Admission:
    """What becomes of a row. A number that is taken never opens a second person and never overwrites the first.

    The same row again is known. The same number in the same household is known when it comes with another file, and
    held when the very same file has it twice with different cells.
    """
    if applicant.digest in digests:
        return Admission(Verdict.KNOWN)
    holder = holders.get(applicant.nik_index) if applicant.nik_index is not None else None
    if holder is None:
        return Admission(Verdict.MEMBER)
    if holder.household_id == household_id and (import_id is None or holder.import_id != import_id):
        return Admission(Verdict.KNOWN, holder)
    return Admission(Verdict.HELD, holder)
