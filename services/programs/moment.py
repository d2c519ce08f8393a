"""Business time, and whose deployment this is, as the session of the edge knows them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.messaging import Session
from shared.messaging.announcing import Announcer

ZONE = ZoneInfo("Asia/Makassar")
"""Days are counted where the city is (WITA)."""


def now(session: Session) -> datetime:
    """The present moment of business, aware."""
    return _announcer(session).clock.now()


def today(session: Session) -> date:
    """The calendar day of the region."""
    return now(session).astimezone(ZONE).date()


def own_agency(session: Session) -> str:
    """The agency whose deployment this is."""
    return _announcer(session).agency


def _announcer(session: Session) -> Announcer:
    found: Announcer = session.info["announcer"]
    return found
