"""What reconcile asks of intake: nothing lost, nobody twice."""

from __future__ import annotations

from sqlalchemy import text

from shared.messaging import Session
from shared.service import Finding


async def closed_lists_are_whole(session: Session) -> list[Finding]:
    """Every row of a closed list is an entry, none is added afterwards, and each gets its outcome."""
    return [
        *await _found(session, "lost", "rows of the closed list", _LISTS),
        *await _found(session, "lost", "unresolved entries of the import", _ENTRIES),
    ]


async def files_are_whole(session: Session) -> list[Finding]:
    """Every row of a file that is done is registered, known, held or refused, and stands where that says."""
    return [
        *await _found(session, "lost", "rows of the import", _FILES),
        *await _found(session, "lost", "members of the import", _MEMBERS),
        *await _found(session, "lost", "refused rows of the import", _REJECTS),
        *await _found(session, "lost", "held rows of the import", _HELD),
    ]


async def numbers_are_single(session: Session) -> list[Finding]:
    """No person number has two active people, no family card two households."""
    return [
        *await _found(session, "twice", "active people of one number", _NUMBERS),
        *await _found(session, "twice", "households of one card", _CARDS),
    ]


CHECKS = (closed_lists_are_whole, files_are_whole, numbers_are_single)


async def _found(session: Session, kind: str, what: str, query: str) -> list[Finding]:
    rows = await session.execute(text(query))
    return [Finding(kind, abs(row.difference), f"{what} {row.place}") for row in rows]


_LISTS = """
    select code as place, baseline_persons - count(entry.id) as difference
    from cohort left join cohort_entry as entry on entry.cohort_id = cohort.id
    group by code, baseline_persons having baseline_persons <> count(entry.id)
"""
_ENTRIES = """
    select import.id as place, count(*) as difference
    from import join cohort_entry as entry on entry.cohort_id = import.cohort_id
    where import.state = 'done' and entry.outcome is null group by import.id
"""
_FILES = """
    select id as place, rows - (registered + known + held + rejected) as difference
    from import where state = 'done' and rows <> registered + known + held + rejected
"""
_MEMBERS = """
    select import.id as place, import.registered - count(member.id) as difference
    from import left join member on member.import_id = import.id
    where import.state = 'done' and import.kind = 'register'
    group by import.id having import.registered <> count(member.id)
"""
_REJECTS = """
    select import.id as place, import.rejected - count(reject.row_number) as difference
    from import left join import_reject as reject on reject.import_id = import.id
    where import.state = 'done' and import.kind = 'register'
    group by import.id having import.rejected <> count(reject.row_number)
"""
_HELD = """
    select import.id as place, import.held - count(held_row.id) as difference
    from import left join held_row on held_row.import_id = import.id
    where import.state = 'done' group by import.id having import.held <> count(held_row.id)
"""
_NUMBERS = """
    select 'member ' || min(id::text) as place, count(*) - 1 as difference
    from member where state = 'active' and nik_index is not null group by nik_index having count(*) > 1
"""
_CARDS = """
    select 'household ' || min(household_id::text) as place, count(*) - 1 as difference
    from family_card where valid_to is null group by kk_index having count(*) > 1
"""
