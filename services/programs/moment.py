"""Business time, and whose deployment this is, of the session in whose transaction something happens."""

from __future__ import annotations

from datetime import date, datetime

from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.regions import Regions


def now(session: Session) -> datetime:
    """The present moment of business, aware."""
    return deployment_of_session(session).clock.now()


def today(session: Session) -> date:
    """The calendar day of the deployment's region."""
    zone = Regions.load().timezone_of(deployment_of_session(session).settings.region)
    return now(session).astimezone(zone).date()


def own_agency(session: Session) -> str:
    """The agency whose deployment this is."""
    return deployment_of_session(session).agency
