"""Take families into the register: rows, keys and announcements in one transaction, many families at a time.

The officer's form and the import of a file go through here, so that a person is checked against the register in one
way only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from services.intake.announcements import announce_updated, profile_of, registered
from services.intake.identity import Address, Identity, seal_address, seal_card, seal_identity, seal_row
from services.intake.models import FamilyCard, HeldRow, Household, HouseholdReference, Member, table
from services.intake.register_lookup import Known, Standing
from services.intake.resolve_entries import reconsider
from services.intake.rules.admission import NIK_TAKEN, Admission, Applicant, Holder, Verdict, admit
from services.intake.rules.families import Family
from services.intake.rules.findings import warnings
from services.intake.rules.rows import Row
from shared.deployment import Deployment, deployment_of_session
from shared.events.intake import DuplicateSuspected
from shared.messaging import Session, announce
from shared.security import HouseholdKey, household_keys

_REGISTRATION_LOCK = 0x696E74616B65
"""Registrations of a deployment follow one another, so that two of them never give one number to two people."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where families come from."""

    register_code: str
    numbering: str | None = None
    import_id: UUID | None = None
    into: UUID | None = None
    """The household that new members join; its change is announced by whoever lets them join."""


@dataclass(slots=True)
class Registration:
    """What became of one family."""

    family: Family
    household_id: UUID
    is_new: bool
    standing: Standing | None
    members: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0

    @property
    def enters(self) -> bool:
        """Whether a household is made: one whose every row is held has nobody to register."""
        return self.is_new and bool(self.members)

    @property
    def exists(self) -> bool:
        return self.enters or not self.is_new


async def register_families(session: Session, families: Sequence[Family], source: Source) -> list[Registration]:
    """Register the accepted rows of families, hold those whose number is taken, announce all of it.

    Rows with a refusal are passed over: the caller keeps them. A family that is known by its id or its card grows;
    nothing that stands in the register is overwritten.
    """
    await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _REGISTRATION_LOCK})
    deployment = deployment_of_session(session)
    known = await Known.load(session, deployment.vault, families, source.numbering, source.into)
    done = [_admit_family(family, known, source) for family in families]
    await _Writing(session, deployment, source).write(done)
    await reconsider(session, [each.household_id for each in done if each.exists and each.members])
    return done


def _admit_family(family: Family, known: Known, source: Source) -> Registration:
    standing = known.standing_of(family)
    household_id = standing.household_id if standing else uuid7()
    one = Registration(family, household_id, is_new=standing is None, standing=standing)
    for row in family.accepted:
        applicant = known.applicant(row)
        admission = admit(
            applicant,
            household_id=household_id,
            import_id=source.import_id,
            holders=known.holders,
            digests=known.digests,
        )
        known.digests.add(applicant.digest)
        if admission.verdict is Verdict.MEMBER:
            one.members.append(_member(row, applicant, household_id, source))
            known.take(applicant, Holder(household_id, one.members[-1]["id"], family.region, source.import_id))
        elif admission.verdict is Verdict.HELD:
            one.held.append(_held(row, applicant, admission, family, source))
        else:
            one.known += 1
    if one.enters:
        known.remember(family, Standing(household_id, family.region, (source.register_code,), 1))
    return one


def _member(row: Row, applicant: Applicant, household_id: UUID, source: Source) -> dict[str, Any]:
    person = row.person
    return {
        "id": uuid7(),
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


def _held(row: Row, applicant: Applicant, admission: Admission, family: Family, source: Source) -> dict[str, Any]:
    holder = admission.holder
    if holder is None or applicant.nik_index is None:
        raise ValueError("a row is held because of somebody who has its number")
    return {
        "id": uuid7(),
        "import_id": source.import_id,
        "row_number": row.number,
        "row_digest": applicant.digest,
        "region": family.region,
        "nik_index": applicant.nik_index,
        "other_household_id": holder.household_id,
        "other_member_id": holder.member_id,
        "other_region": holder.region,
        "cells": row.cells,
        "reasons": [NIK_TAKEN],
        "state": "open",
    }


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes a number of registrations with few statements, and announces them in the order of the file."""

    session: Session
    deployment: Deployment
    source: Source

    async def write(self, done: Sequence[Registration]) -> None:
        entering = [each for each in done if each.enters]
        keys = await self._keys(done)
        await self._households(entering, keys)
        await self._references([each for each in done if each.exists])
        await self._rows(Member, [self._sealed_member(row, each, keys) for each in done for row in each.members])
        await self._rows(HeldRow, [self._sealed_held(row, each, keys) for each in done for row in each.held])
        for each in entering:
            announce(self.session, registered(each.household_id, each.family, self.source.register_code, each.members))
            announce(self.session, profile_of(each.household_id, each.family, each.members))
        await self._update([each for each in done if not each.is_new])
        for each in done:
            for row in each.held:
                announce(self.session, _suspected(row, each))

    async def _keys(self, done: Sequence[Registration]) -> dict[UUID, HouseholdKey]:
        wanted = {each.household_id for each in done if each.exists}
        wanted |= {self._key_id(row, each) for each in done for row in each.held}
        return await household_keys(self.session, self.deployment.vault, wanted, create=True)

    def _key_id(self, held: dict[str, Any], each: Registration) -> UUID:
        return each.household_id if each.exists else self.source.import_id or held["id"]

    async def _households(self, entering: Sequence[Registration], keys: dict[UUID, HouseholdKey]) -> None:
        now = self.deployment.clock.now()
        await self._rows(Household, [self._household(each, keys[each.household_id], now) for each in entering])
        await self._rows(
            FamilyCard, [self._card(each, keys[each.household_id]) for each in entering if each.family.card]
        )

    async def _references(self, existing: Sequence[Registration]) -> None:
        rows = [
            {"numbering": self.source.numbering, "reference": each.family.reference, "household_id": each.household_id}
            for each in existing
            if self.source.numbering and each.family.reference
        ]
        if rows:
            statement = insert(table(HouseholdReference)).on_conflict_do_nothing()
            await (await self.session.connection()).execute(statement, rows)

    def _household(self, each: Registration, key: HouseholdKey, now: Any) -> dict[str, Any]:
        family = each.family
        return {
            "id": each.household_id,
            "region": family.region,
            "registers": [self.source.register_code],
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

    def _card(self, each: Registration, key: HouseholdKey) -> dict[str, Any]:
        number, card_id = each.family.card or "", uuid7()
        return {
            "id": card_id,
            "household_id": each.household_id,
            "kk_index": self.deployment.vault.blind_index("kk", number),
            "number": seal_card(key, card_id, number),
            "key_version": key.key_version,
            "valid_from": self.deployment.clock.today(),
        }

    def _sealed_member(self, row: dict[str, Any], each: Registration, keys: dict[UUID, HouseholdKey]) -> dict[str, Any]:
        person, key = row["person"], keys[each.household_id]
        values = {name: value for name, value in row.items() if name != "person"}
        return values | {
            "identity": seal_identity(
                key, row["id"], Identity(person.name, person.nik.digits, person.born, person.phone)
            ),
            "key_version": key.key_version,
            "name_index": sorted(self.deployment.vault.name_index(person.name, kecamatan_of(each.family.region))),
        }

    def _sealed_held(self, row: dict[str, Any], each: Registration, keys: dict[UUID, HouseholdKey]) -> dict[str, Any]:
        key = keys[self._key_id(row, each)]
        values = {name: value for name, value in row.items() if name != "cells"}
        return values | {
            "household_id": each.household_id if each.exists else None,
            "key_id": key.household_id,
            "sealed": seal_row(key, str(row["id"]), row["cells"]),
            "key_version": key.key_version,
        }

    async def _update(self, standing: Sequence[Registration]) -> None:
        """Households that were in the register already and got a member or stand in one register more."""
        code = self.source.register_code
        reasons = {
            each.household_id: "member-added" if each.members else "register-added"
            for each in standing
            if each.standing is not None
            and each.household_id != self.source.into
            and (each.members or code not in each.standing.registers)
        }
        if not reasons:
            return
        await self.session.execute(_GROW, {"ids": sorted(reasons), "code": code, "now": self.deployment.clock.now()})
        await announce_updated(self.session, reasons)

    async def _rows(self, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            await (await self.session.connection()).execute(insert(table(model)), list(rows))


_GROW = text(
    """
    update household
    set revision = revision + 1, updated_at = :now,
        registers = registers - cast(:code as text) || to_jsonb(cast(:code as text))
    where id = any(cast(:ids as uuid[]))
    """
)


def kecamatan_of(region: str) -> str:
    """Names are searched within a kecamatan: the first three parts of a code."""
    return ".".join(region.split(".")[:3])


def _suspected(row: dict[str, Any], each: Registration) -> DuplicateSuspected:
    """About the household of the held row, or about the other one where the row has none."""
    return DuplicateSuspected(
        duplicate_id=row["id"],
        household_id=each.household_id if each.exists else row["other_household_id"],
        region=row["region"] if each.exists else row["other_region"],
        reasons=row["reasons"],
        blocks_payment=True,
    )
