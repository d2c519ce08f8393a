"""Take families into the register: rows, keys and announcements in one transaction, many families at a time.

The officer's form and the import of a file go through here, so that a person is checked against the register in one
way only. A file has the register to itself; forms share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from services.intake.drafts import Draft
from services.intake.entrants import new_member
from services.intake.register_lock import lock_register, share_register
from services.intake.register_lookup import Known, Seen, Standing, numbers_of, see
from services.intake.registrations import Registration, Source
from services.intake.resolve_entries import reconsider
from services.intake.rules.admission import NIK_TAKEN, Admission, Applicant, Holder, Verdict, admit
from services.intake.rules.families import Family
from services.intake.rules.findings import refusal
from services.intake.rules.rows import Row
from services.intake.write_registrations import Writing
from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.messaging.causes import Cause
from shared.messaging.ids import id_of, new_id


async def register_families(session: Session, families: Sequence[Family], source: Source) -> list[Registration]:
    """Register the accepted rows of families, hold those whose number is taken, announce all of it.

    Rows with a refusal are passed over: the caller keeps them. So are all rows of a family whose card is another
    family's of the same sender, who says that they are two: the refusal is added to their findings. A family that is
    known by its id or its card grows; nothing that stands in the register is overwritten.
    """
    await lock_register(session)
    vault = deployment_of_session(session).vault
    seen = [see(vault, family) for family in families]
    known = await Known.load(session, seen, source.numbering, source.into)
    done = [_admit_family(family, its, known, source) for family, its in zip(families, seen, strict=True)]
    await _write(session, source, known, done)
    return done


async def register_drafts(
    session: Session, drafts: Sequence[Draft], source: Source, read_again: Callable[[Draft], Family]
) -> list[Registration]:
    """The same for families that were drafted from a file: of whom nobody is known enters as drafted."""
    await lock_register(session)
    known = await Known.load(session, [draft.seen for draft in drafts], source.numbering, source.into)
    done = [_admit_draft(draft, known, source, read_again) for draft in drafts]
    await _write(session, source, known, done)
    return done


async def register_new_families(session: Session, families: Sequence[Wanted]) -> list[Registration]:
    """Register families that are new; hold those of their people whose number is taken, announce all of it.

    One that stands already, or whose every person is known or held, does not enter: nothing of it is written, and what
    is returned says why. Others may register at the same time, as long as no number is the same.
    """
    seen = [each.seen for each in families]
    await share_register(session, numbers_of(seen))
    known = await Known.load(session, seen)
    done = [_admit_new_family(each, known) for each in families]
    by_register = groupby(sorted(zip(families, done, strict=True), key=_register_code), key=_register_code)
    for code, some in by_register:
        await _write(session, Source(code), known, [each for _, each in some if each.enters])
    return done


@dataclass(frozen=True, slots=True)
class Wanted:
    """A family that is to enter a register, and under which cause that is announced."""

    family: Family
    seen: Seen
    register_code: str
    cause: Cause


def _register_code(one: tuple[Wanted, Registration]) -> str:
    return one[0].register_code


async def _write(session: Session, source: Source, known: Known, done: Sequence[Registration]) -> None:
    await Writing(session, deployment_of_session(session), source).write(done)
    # A family that grows may be waited for under an id that others gave it.
    if known.is_waited_for or any(not each.is_new for each in done):
        await reconsider(session, {each.household_id: each.cause for each in done if each.exists and each.joined})


def _admit_new_family(wanted: Wanted, known: Known) -> Registration:
    standing = known.standing_of(wanted.seen)
    if standing is not None:
        return Registration(wanted.seen, standing.household_id, is_new=False, standing=standing)
    digests = set(known.digests)
    one = _admit_family(wanted.family, wanted.seen, known, Source(wanted.register_code))
    one.cause = wanted.cause
    if not one.enters:
        # What does not enter is unknown to those who come after it.
        known.digests = digests
    return one


def _admit_family(family: Family, seen: Seen, known: Known, source: Source) -> Registration:
    admissible = list(zip(family.accepted, seen.applicants, strict=True))
    if known.is_of_another_family(seen):
        admissible = []
        for row in family.rows:
            row.findings.append(refusal("kk-of-another-family", "nomor_kartu_keluarga"))
    standing = known.standing_of(seen)
    household_id = standing.household_id if standing else new_id()
    one = Registration(seen, household_id, is_new=standing is None, standing=standing, family=family)
    for row, applicant in admissible:
        admission = admit(
            applicant,
            household_id=household_id,
            import_id=source.import_id,
            holders=known.holders,
            digests=known.digests,
        )
        known.digests.add(applicant.digest)
        if admission.verdict is Verdict.MEMBER:
            one.members.append(new_member(row, applicant, household_id, source))
            known.take(applicant, Holder(household_id, one.members[-1]["id"], one.region, source.import_id))
        elif admission.verdict is Verdict.HELD:
            one.held.append(_held(row, applicant, admission, one.region, source))
        else:
            one.known += 1
    if one.enters:
        _remember(one, known, source)
    return one


def _admit_draft(draft: Draft, known: Known, source: Source, read_again: Callable[[Draft], Family]) -> Registration:
    drafted, seen = draft.drafted, draft.seen
    if drafted is None or not known.has_nobody_of(seen):
        return _admit_family(read_again(draft), seen, known, source)
    household_id, family = id_of(drafted.household_id), read_again(draft) if draft.has_refused else None
    one = Registration(seen, household_id, is_new=True, standing=None, family=family, drafted=drafted)
    for applicant, member_id in zip(seen.applicants, drafted.member_ids, strict=True):
        known.digests.add(applicant.digest)
        known.take(applicant, Holder(household_id, id_of(member_id), seen.region, source.import_id))
    _remember(one, known, source)
    return one


def _remember(one: Registration, known: Known, source: Source) -> None:
    reference = one.seen.reference or None
    known.remember(one.seen, Standing(one.household_id, one.region, (source.register_code,), reference))


def _held(row: Row, applicant: Applicant, admission: Admission, region: str, source: Source) -> dict[str, Any]:
    holder = admission.holder
    if holder is None or applicant.nik_index is None:
        raise ValueError("a row is held because of somebody who has its number")
    return {
        "id": new_id(),
        "import_id": source.import_id,
        "row_number": row.number,
        "row_digest": applicant.digest,
        "region": region,
        "nik_index": applicant.nik_index,
        "other_household_id": holder.household_id,
        "other_member_id": holder.member_id,
        "other_region": holder.region,
        "cells": row.cells,
        "reasons": [NIK_TAKEN],
        "state": "open",
    }
