"""The business time of the deployment in whose transaction something happens, in its region's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.verification.settings import VerificationSettings
from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.regions import Regions


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and the day that it is in the region."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def latest(self) -> datetime:
        """The latest moment that a phone may truthfully tell: phones know nothing of a clock that was moved."""
        return max(self.now, datetime.now(UTC))

    def next_at(self, hour: int) -> datetime:
        """The next full hour of that number, strictly later than now."""
        local = self.now.astimezone(self.zone)
        chosen = datetime.combine(local.date(), time(hour), self.zone)
        return chosen if chosen > local else datetime.combine(local.date() + timedelta(days=1), time(hour), self.zone)


def moment_of(session: Session) -> Moment:
    """The present moment of a session's deployment."""
    deployment = deployment_of_session(session)
    return Moment(deployment.clock.now(), Regions.load().timezone_of(deployment.settings.region))


def settings_of(session: Session) -> VerificationSettings:
    """The settings of a session's deployment."""
    settings = deployment_of_session(session).settings
    assert isinstance(settings, VerificationSettings)  # noqa: S101 - app.py declares them
    return settings
