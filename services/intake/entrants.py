"""Make what a family becomes that enters the register: its rows, sealed under a key of its own, and what is said of it.

Only from what is handed in, so that it can be done before anybody looks into the register, and in another process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.intake.announcements import profiled, registered
from services.intake.identity import Address, Identity, seal_address, seal_card, seal_identity
from services.intake.places import kecamatan_of
from services.intake.registrations import Entrant, Source
from services.intake.rules.admission import Applicant
from services.intake.rules.families import Family
from services.intake.rules.findings import warnings
from services.intake.rules.rows import Row
from shared.messaging.ids import new_id
from shared.security import HouseholdKey, Vault


def enter(
    vault: Vault,
    family: Family,
    household_id: UUID,
    members: Sequence[Mapping[str, Any]],
    source: Source,
    *,
    today: date,
    now: datetime,
) -> Entrant:
    """A new household of these members, which are rows of ``new_member``."""
    key, wrapped = vault.new_household_key(household_id)
    return Entrant(
        household_id,
        _household(family, household_id, key, source, now),
        {"household_id": household_id, "wrapped": wrapped, "key_version": vault.key_version},
        None if not family.card else _card(vault, family.card, household_id, key, today),
        [seal_member(vault, key, member, family.region) for member in members],
        (
            registered(household_id, family, source.register_code, members),
            profiled(household_id, family, members),
        ),
    )


def new_member(row: Row, applicant: Applicant, household_id: UUID, source: Source) -> dict[str, Any]:
    """A row of the table of members, still with the person that ``seal_member`` seals."""
    person = row.person
    return {
        "id": new_id(),
        "household_id": household_id,
        "person": person,
        "nik_index": applicant.nik_index,
        "no_nik_reason": person.no_nik_reason,
        "sex": person.sex or "unknown",
        "birth_year": person.born.year if person.born else None,
        "relation": person.relation,
        "at_school": person.at_school,
        "works": person.works,
        "has_business": person.has_business,
        "disability": person.disability,
        "pregnant": person.pregnant,
        "dukcapil": "unchecked",
        "warnings": warnings(row.findings),
        "state": "active",
        "import_id": source.import_id,
        "row_digest": applicant.digest,
    }


def seal_member(vault: Vault, key: HouseholdKey, member: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The same row, its person sealed, and found by its names within the kecamatan of a region."""
    sealed = dict(member)
    person = sealed.pop("person")
    identity = Identity(person.name, person.nik.digits, person.born, person.phone)
    sealed["identity"] = seal_identity(key, member["id"], identity)
    sealed["key_version"] = key.key_version
    sealed["name_index"] = sorted(vault.name_index(person.name, kecamatan_of(region)))
    return sealed


def _household(family: Family, household_id: UUID, key: HouseholdKey, source: Source, now: datetime) -> dict[str, Any]:
    return {
        "id": household_id,
        "region": family.region,
        "registers": [source.register_code],
        "without_card_reason": family.without_card_reason,
        "decile": family.decile,
        "housing": family.housing,
        "address": seal_address(key, Address(family.address, family.rt, family.rw)),
        "key_version": key.key_version,
        "state": "active",
        "revision": 1,
        "registered_at": now,
        "updated_at": now,
    }


def _card(vault: Vault, number: str, household_id: UUID, key: HouseholdKey, today: date) -> dict[str, Any]:
    card_id = new_id()
    return {
        "id": card_id,
        "household_id": household_id,
        "kk_index": vault.blind_index("kk", number),
        "number": seal_card(key, card_id, number),
        "key_version": key.key_version,
        "valid_from": today,
    }
