"""The kernel: nothing lost, nothing twice. Services use what is named here and know nothing of the rest."""

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.events.envelope import Fact, Tombstone
from shared.messaging.announcing import announce, erase_profile
from shared.messaging.bulk import insert_rows, upsert_newer
from shared.messaging.causes import correlation, current_cause, in_course_of
from shared.messaging.routing import Due, EventRouter, TimerRouter
from shared.messaging.timers import cancel_due, schedule

__all__ = [
    "Due",
    "EventRouter",
    "Fact",
    "Session",
    "TimerRouter",
    "Tombstone",
    "announce",
    "cancel_due",
    "correlation",
    "current_cause",
    "erase_profile",
    "in_course_of",
    "insert_rows",
    "schedule",
    "upsert_newer",
]
