"""Who may ask for which region, and as of which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, Query

from services.notifications.places import zone_of
from services.notifications.reading.scope import Scope
from shared.deployment import deployment_of_session
from shared.directory import is_within
from shared.events.fields import RegionCode
from shared.security import Caller, Role
from shared.web import Problem, SessionDep, allows

READERS = (
    Role.COORDINATOR,
    Role.AUDITOR,
    Role.OPERATOR,
    Role.PROGRAMME_OFFICER,
    Role.VERIFICATION_SUPERVISOR,
    Role.FIELD_VERIFIER,
    Role.PAYMENT_MAKER,
    Role.PAYMENT_CHECKER,
)
"""Who sees counts. The board is one for all agencies of a region, hence of any agency, within their own regions."""

Reader = Annotated[Caller, allows(*READERS, any_agency=True)]
Region = Annotated[RegionCode | None, Query(description="Region subtree; without it, the caller's own.")]
Day = Annotated[date | None, Query(description="Up to the end of this day in the region's zone; without it, today.")]


@dataclass(frozen=True, slots=True)
class Asking:
    """A checked question: the region is the caller's, the day is not in the future."""

    caller: Caller
    session: SessionDep

    def today(self, region: str) -> date:
        """The calendar day in a region, by the clock of business."""
        return deployment_of_session(self.session).clock.today(str(zone_of(region)))

    def region(self, region: str | None) -> str:
        """The region asked for, or the caller's own. Raises 403 for one that the caller may not see."""
        chosen = region or own_region(self.caller, deployment_of_session(self.session).settings.region)
        self.caller.require_region(chosen)
        return chosen

    def scope(self, region: str | None, as_of: date | None) -> Scope:
        chosen = self.region(region)
        return Scope(chosen, self.day(as_of, chosen, "as_of"))

    def day(self, day: date | None, region: str, field: str) -> date:
        """A day asked for, or today. Raises 422 for a day that has not come yet."""
        today = self.today(region)
        if day is not None and day > today:
            raise Problem("date-in-future", status=422, field=field, today=today.isoformat())
        return day or today


def own_region(caller: Caller, deployed: str) -> str:
    """Where a caller's board begins: their narrowest view of this deployment's region."""
    inside = [region for region in caller.regions if is_within(region, deployed)]
    return deployed if caller.may_see(deployed) or not inside else inside[0]


async def _asking(caller: Reader, session: SessionDep) -> Asking:
    return Asking(caller, session)


AskingDep = Annotated[Asking, Depends(_asking)]
