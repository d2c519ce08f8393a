"""A household of the register as people may see it, and the lock under which it is changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.announcements import active_members
from services.intake.identity import open_address, open_card, open_identity
from services.intake.models import FamilyCard, Household, table
from services.intake.register_lock import lock_register
from services.intake.rules.masking import mask_name, mask_number, mask_phone
from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller, HouseholdKey, household_keys

_household, _card = table(Household), table(FamilyCard)


async def load_household(session: Session, caller: Caller, household_id: UUID, *, lock: bool = False) -> Household:
    """A household of the caller's region. One of another region is as unknown as one that never was (404)."""
    household = await session.get(Household, household_id, with_for_update=lock or None)
    if household is None or not caller.may_see(household.region):
        raise Problem("household-unknown", status=404, field="household_id")
    return household


async def load_for_change(session: Session, caller: Caller, household_id: UUID, revision: int) -> Household:
    """A household locked for a change, if it still is as the caller saw it. Raises 409 otherwise."""
    await lock_register(session)
    household = await load_household(session, caller, household_id, lock=True)
    if household.state != "active":
        raise Problem("household-withdrawn", status=409, field="household_id")
    if household.revision != revision:
        raise Problem("household-changed", status=409, field="revision", revision=household.revision)
    return household


async def present(session: Session, household: Household) -> dict[str, Any]:
    """A household with masked identities: enough to recognise people one knows, not enough to learn who they are."""
    identity = (await identities(session, [household.id])).get(household.id)
    members = (await active_members(session, [household.id])).get(household.id, [])
    names = {} if identity is None else {each["member_id"]: each for each in identity["members"]}
    return {
        "household_id": household.id,
        "region": household.region,
        "registers": household.registers,
        "without_card_reason": household.without_card_reason,
        "family_card_number": mask_number(identity["family_card_number"]) if identity else None,
        "state": household.state,
        "revision": household.revision,
        "registered_at": household.registered_at,
        "members": [_masked(member, names.get(member["id"])) for member in members],
    }


async def identities(session: Session, household_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """Who the active members of households are, in full. Whoever calls this answers for the right to it."""
    deployment = deployment_of_session(session)
    keys = await household_keys(session, deployment.vault, household_ids)
    wanted = cast(list(keys), ARRAY(Uuid))
    members = await active_members(session, keys)
    cards = select(_card).where(_card.c.household_id == any_(wanted), _card.c.valid_to.is_(None))
    numbers = {
        row.household_id: open_card(keys[row.household_id], row.id, row.number) for row in await session.execute(cards)
    }
    households = select(_household.c.id, _household.c.region, _household.c.address).where(
        _household.c.id == any_(wanted)
    )
    return {
        row.id: {
            "household_id": row.id,
            "region": row.region,
            "family_card_number": numbers.get(row.id),
            "address": _address(keys[row.id], row.address),
            "members": [_identity(keys[row.id], member) for member in members.get(row.id, [])],
        }
        for row in await session.execute(households)
    }


def _address(key: HouseholdKey, sealed: bytes | None) -> dict[str, str]:
    address = open_address(key, sealed)
    return {"street": address.street, "rt": address.rt, "rw": address.rw}


def _identity(key: HouseholdKey, member: dict[str, Any]) -> dict[str, Any]:
    identity = open_identity(key, member["id"], member["identity"])
    return {
        "member_id": member["id"],
        "name": identity.name,
        "nik": identity.nik,
        "birth_date": identity.born,
        "phone": identity.phone,
        "relation": member["relation"],
    }


def _masked(member: dict[str, Any], identity: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "member_id": member["id"],
        "name": mask_name(identity["name"]) if identity else "***",
        "nik": mask_number(identity["nik"]) if identity else None,
        "phone": mask_phone(identity["phone"]) if identity else None,
        "no_nik_reason": member["no_nik_reason"],
        "relation": member["relation"],
        "sex": member["sex"],
        "birth_year": member["birth_year"],
        "dukcapil": member["dukcapil"],
        "warnings": member["warnings"],
    }
