"""What intake says of a household: facts without any attribute of a person, and the profile that carries those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.models import Household, Member, table
from services.intake.rules.families import Family
from shared.events.intake import HouseholdProfile, HouseholdRegistered, HouseholdUpdated, Housing, MemberProfile
from shared.messaging import Session, announce
from shared.messaging.announcing import Checked, made_and_checked

_household, _member = table(Household), table(Member)


def registered(household_id: UUID, family: Family, register_code: str, members: Sequence[Mapping[str, Any]]) -> Checked:
    """A household that has just entered."""
    return made_and_checked(
        HouseholdRegistered,
        {
            "household_id": household_id,
            "region": family.region,
            "registers": [register_code],
            "members": [member["id"] for member in members],
            "persons": len(members),
            "without_card_reason": family.without_card_reason,
            "revision": 1,
        },
    )


def profiled(household_id: UUID, family: Family, members: Sequence[Mapping[str, Any]]) -> Checked:
    """What it is like."""
    return made_and_checked(
        HouseholdProfile,
        {
            "household_id": household_id,
            "region": family.region,
            "revision": 1,
            "decile": family.decile,
            "members": list(map(_of_member, members)),
            "housing": family.housing or None,
        },
    )


async def announce_updated(session: Session, reasons: Mapping[UUID, str]) -> None:
    """Announce the whole present state of households that were changed, each with the reason of its change."""
    members = await active_members(session, reasons)
    for household in await _households(session, reasons):
        its_members = members.get(household["id"], [])
        announce(session, _updated(household, its_members, reasons[household["id"]]))
        announce(session, _profile(household, its_members))


async def active_members(session: Session, household_ids: Iterable[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Active members by household, in the order in which they came."""
    statement = select(_member).where(
        _member.c.household_id == any_(cast(list(household_ids), ARRAY(Uuid))), _member.c.state == "active"
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await session.execute(statement.order_by(_member.c.household_id, _member.c.id)):
        found.setdefault(row.household_id, []).append(row._asdict())
    return found


async def _households(session: Session, household_ids: Collection[UUID]) -> list[dict[str, Any]]:
    wanted = cast(list(household_ids), ARRAY(Uuid))
    rows = await session.execute(select(_household).where(_household.c.id == any_(wanted)).order_by(_household.c.id))
    return [row._asdict() for row in rows]


def _updated(household: Mapping[str, Any], members: Sequence[Mapping[str, Any]], reason: str) -> HouseholdUpdated:
    return HouseholdUpdated(
        household_id=household["id"],
        region=household["region"],
        registers=household["registers"],
        members=[member["id"] for member in members],
        persons=len(members),
        without_card_reason=household["without_card_reason"],
        reason=reason,
        revision=household["revision"],
    )


def _profile(household: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> HouseholdProfile:
    return HouseholdProfile(
        household_id=household["id"],
        region=household["region"],
        revision=household["revision"],
        decile=household["decile"],
        members=[MemberProfile.model_validate(_of_member(member)) for member in members],
        housing=Housing.model_validate(household["housing"]) if household["housing"] else None,
    )


def _of_member(member: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a MemberProfile, of a row of the table of members."""
    return {
        "member_id": member["id"],
        "sex": member["sex"],
        "birth_year": member["birth_year"],
        "relation": member["relation"],
        "at_school": member["at_school"],
        "works": member["works"],
        "disability": member["disability"],
        "pregnant": member["pregnant"],
    }
