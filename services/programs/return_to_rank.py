"""Brings a household back to the rank it had, and says who waits for a quota and in which order."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlmodel import col

from services.programs.models import Enrolment, EntryState, Waitlist, WaitlistEntry
from shared.messaging import Session

WAITS = (EntryState.WAITING, EntryState.RETURNED)


def waiting(*of: ColumnElement[bool]) -> Select[WaitlistEntry, UUID]:
    """Who waits, with the quota, best first: the ranks of the newest list, and before them those of older lists.

    Whoever comes back to an older list had been served from it before the newer one was frozen. Everybody else on an
    older list waits by the newer one.
    """
    newest = (
        select(col(Waitlist.quota_id), func.max(col(Waitlist.version)).label("version"))
        .group_by(col(Waitlist.quota_id))
        .subquery()
    )
    in_force = (col(Waitlist.version) == newest.c.version) & (col(WaitlistEntry.state) == EntryState.WAITING)
    return (
        select(WaitlistEntry, col(Waitlist.quota_id))
        .join(Waitlist, col(Waitlist.waitlist_id) == col(WaitlistEntry.waitlist_id))
        .join(newest, newest.c.quota_id == col(Waitlist.quota_id))
        .where(in_force | (col(WaitlistEntry.state) == EntryState.RETURNED), *of)
        .order_by(col(Waitlist.quota_id), col(Waitlist.version), col(WaitlistEntry.rank))
        .execution_options(populate_existing=True)
    )


async def return_to_rank(session: Session, enrolment: Enrolment) -> WaitlistEntry | None:
    """The household waits again where it came from, or where a newer list ranks it; None if it came from no list.

    The caller holds the quota.
    """
    if enrolment.waitlist_id is None:
        return None
    came_from = await session.get_one(Waitlist, enrolment.waitlist_id)
    entries = await session.execute(
        select(WaitlistEntry, col(Waitlist.version))
        .join(Waitlist, col(Waitlist.waitlist_id) == col(WaitlistEntry.waitlist_id))
        .where(
            col(Waitlist.quota_id) == came_from.quota_id,
            col(Waitlist.version) >= came_from.version,
            col(WaitlistEntry.household_id) == enrolment.household_id,
        )
        .order_by(col(Waitlist.version).desc())
        .execution_options(populate_existing=True)
    )
    found = entries.first()
    if found is None:
        return None
    entry: WaitlistEntry = found[0]
    newest = await session.execute(
        select(func.max(col(Waitlist.version))).where(col(Waitlist.quota_id) == came_from.quota_id)
    )
    entry.state = EntryState.WAITING if found[1] == newest.scalar_one() else EntryState.RETURNED
    await session.flush()
    return entry


async def supersede(session: Session, waitlist: Waitlist) -> None:
    """Whoever stands on a newly frozen list waits by it alone."""
    ranked = select(col(WaitlistEntry.household_id)).where(col(WaitlistEntry.waitlist_id) == waitlist.waitlist_id)
    older = select(col(Waitlist.waitlist_id)).where(
        col(Waitlist.quota_id) == waitlist.quota_id, col(Waitlist.version) < waitlist.version
    )
    await session.execute(
        update(WaitlistEntry)
        .where(
            col(WaitlistEntry.waitlist_id).in_(older),
            col(WaitlistEntry.household_id).in_(ranked),
            col(WaitlistEntry.state) == EntryState.RETURNED,
        )
        .values(state=EntryState.LEFT)
        .execution_options(synchronize_session=False)
    )
