"""Take a household out of the register by a decision: its numbers are free again, its profile is erased."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from services.intake.models import FamilyCard, Household, HouseholdReference, Member, table
from shared.deployment import deployment_of_session
from shared.events.intake import HouseholdProfile, HouseholdWithdrawn
from shared.messaging import Session, announce, erase_profile

_member, _card, _reference = table(Member), table(FamilyCard), table(HouseholdReference)


async def withdraw_household(session: Session, household: Household, reason: str) -> dict[str, Any]:
    """The household as it leaves. What it was stays readable by its id; nobody finds it by a number any more."""
    clock = deployment_of_session(session).clock
    household.state, household.withdrawn_reason = "withdrawn", reason
    household.revision += 1
    household.updated_at = clock.now()
    await session.execute(
        update(_member)
        .where(_member.c.household_id == household.id, _member.c.state == "active")
        .values(state="left", left_reason="household-withdrawn")
    )
    await session.execute(
        update(_card)
        .where(_card.c.household_id == household.id, _card.c.valid_to.is_(None))
        .values(valid_to=clock.today())
    )
    await session.execute(delete(_reference).where(_reference.c.household_id == household.id))
    announce(
        session,
        HouseholdWithdrawn(
            household_id=household.id, region=household.region, reason=reason, revision=household.revision
        ),
    )
    erase_profile(session, HouseholdProfile, household.id)
    return {"household_id": household.id, "state": household.state, "revision": household.revision}
