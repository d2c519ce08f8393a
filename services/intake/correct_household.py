"""Change a household that stands in the register: who joins, who leaves, what was wrong, where it lives."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import col, select
from uuid_utils.compat import uuid7

from services.intake.announcements import announce_updated
from services.intake.bodies import ChangedMember, Correction
from services.intake.identity import (
    Address,
    Identity,
    open_address,
    open_identity,
    seal_address,
    seal_card,
    seal_identity,
)
from services.intake.models import FamilyCard, Household, Member
from services.intake.places import kecamatan_of, place_of
from services.intake.propose_household import refuse_findings
from services.intake.register_families import register_families
from services.intake.registrations import Source
from services.intake.rules.civil_numbers import read_card_number
from services.intake.rules.families import read_family
from services.intake.rules.proposals import lines_of
from services.intake.rules.rows import clean_text
from shared.deployment import Deployment, deployment_of_session
from shared.messaging import Session
from shared.problem import Finding, Problem
from shared.security import HouseholdKey, household_key


async def correct_household(session: Session, household: Household, body: Correction) -> dict[str, Any]:
    """The household after the change, with its new revision. One change, one revision, one announcement."""
    deployment = deployment_of_session(session)
    key = await household_key(session, deployment.vault, household.id)
    await _correct_place(household, body, key, deployment)
    if body.family_card_number is not None:
        await _change_card(session, household, body.family_card_number, key, deployment)
    for leaving in body.leaving:
        member = await _member(session, household, leaving.member_id)
        member.state, member.left_reason = "left", leaving.reason
    for changed in body.changed:
        _change(await _member(session, household, changed.member_id), changed, key, deployment)
    await session.flush()
    await _index_names(session, household, key, deployment)
    held = await _let_join(session, household, body) if body.joining else []
    household.revision += 1
    household.updated_at = deployment.clock.now()
    await session.flush()
    await announce_updated(session, {household.id: body.reason})
    return {"household_id": household.id, "revision": household.revision, "held": held}


async def _correct_place(household: Household, body: Correction, key: HouseholdKey, deployment: Deployment) -> None:
    if body.region is not None:
        place = place_of(deployment.settings.region, today=deployment.clock.today())
        finding = place.check(body.region)
        if finding is not None:
            raise Problem("household-refused", status=422, errors=[Finding(finding.code, "region")])
        household.region = body.region
    if body.decile is not None:
        household.decile = body.decile
    if body.housing is not None:
        household.housing = {**household.housing, **body.housing.model_dump(exclude_none=True)}
    old = open_address(key, household.address)
    new = Address(
        old.street if body.address is None else clean_text(body.address),
        old.rt if body.rt is None else body.rt,
        old.rw if body.rw is None else body.rw,
    )
    if new != old:
        household.address, household.key_version = seal_address(key, new), key.key_version


async def _change_card(
    session: Session, household: Household, typed: str, key: HouseholdKey, deployment: Deployment
) -> None:
    """Cards change with marriage, divorce, a new head, a move: the old one stays, with the day it ended."""
    today = deployment.clock.today()
    number = read_card_number(typed, today=today)
    if number.digits is None:
        codes = [each.code for each in number.findings] or ["kk-missing"]
        raise Problem("household-refused", status=422, errors=[Finding(code, "family_card_number") for code in codes])
    index = deployment.vault.blind_index("kk", number.digits)
    current = (
        await session.exec(
            select(FamilyCard).where(
                (col(FamilyCard.household_id) == household.id) | (col(FamilyCard.kk_index) == index),
                col(FamilyCard.valid_to).is_(None),
            )
        )
    ).all()
    if any(card.kk_index == index for card in current):
        if any(card.household_id != household.id for card in current):
            raise Problem("household-known", status=409, field="family_card_number")
        return
    for card in current:
        card.valid_to = today
    await session.flush()
    card_id = uuid7()
    session.add(
        FamilyCard(
            id=card_id,
            household_id=household.id,
            kk_index=index,
            number=seal_card(key, card_id, number.digits),
            key_version=key.key_version,
            valid_from=today,
        )
    )
    household.without_card_reason = None


async def _member(session: Session, household: Household, member_id: UUID) -> Member:
    member = await session.get(Member, member_id)
    if member is None or member.household_id != household.id or member.state != "active":
        raise Problem("member-unknown", status=404, field="member_id")
    return member


def _change(member: Member, changed: ChangedMember, key: HouseholdKey, deployment: Deployment) -> None:
    said = changed.model_dump(exclude={"member_id"}, exclude_none=True)
    identity = open_identity(key, member.id, member.identity)
    name = clean_text(said.pop("name", identity.name))
    born = said.pop("birth_date", identity.born)
    if born is not None and born > deployment.clock.today():
        raise Problem("household-refused", status=422, errors=[Finding("birth-date-in-future", "changed.birth_date")])
    if not any(letter.isalpha() for letter in name):
        raise Problem("household-refused", status=422, errors=[Finding("name-empty", "changed.name")])
    member.identity = seal_identity(
        key, member.id, Identity(name, identity.nik, born, said.pop("phone", identity.phone))
    )
    member.key_version = key.key_version
    member.birth_year = born.year if born else None
    if "sex" in said:
        member.sex = {"L": "male", "P": "female"}[said.pop("sex")]
    for field, value in said.items():
        setattr(member, field, value)


async def _index_names(session: Session, household: Household, key: HouseholdKey, deployment: Deployment) -> None:
    """Names are searched within a kecamatan, so that their index changes with a name and moves with the household."""
    members = await session.exec(
        select(Member).where(col(Member.household_id) == household.id, col(Member.state) == "active")
    )
    for member in members:
        name = open_identity(key, member.id, member.identity).name
        index = sorted(deployment.vault.name_index(name, kecamatan_of(household.region)))
        if index != member.name_index:
            member.name_index = index


async def _let_join(session: Session, household: Household, body: Correction) -> list[dict[str, Any]]:
    """New members go the way of every row: checked, and held where their number is taken."""
    deployment = deployment_of_session(session)
    today = deployment.clock.today()
    stated = {"region": household.region, "without_card_reason": "homeless"}
    lines = lines_of(stated, [each.model_dump() for each in body.joining])
    family = read_family("", lines, place_of(deployment.settings.region, today=today), today=today)
    refuse_findings(family, under="joining")
    (done,) = await register_families(session, [family], Source("own", into=household.id))
    return [{"duplicate_id": held["id"], "member": held["row_number"]} for held in done.held]
