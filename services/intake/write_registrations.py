"""Write registrations with few statements, and announce them in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.intake.announcements import announce_updated, profile_of, registered
from services.intake.identity import Address, Identity, seal_address, seal_card, seal_identity, seal_row
from services.intake.models import FamilyCard, HeldRow, Household, HouseholdReference, Member, table
from services.intake.places import kecamatan_of
from services.intake.registrations import Registration, Source
from shared.bulk import NewRows, write_rows
from shared.deployment import Deployment
from shared.events.intake import DuplicateSuspected
from shared.messaging import Session, announce, in_course_of
from shared.security import HouseholdKey, household_keys
from shared.security.tables import household_keys as household_key_table


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes what was decided of a number of families, in the transaction of the session."""

    session: Session
    deployment: Deployment
    source: Source

    async def write(self, done: Sequence[Registration]) -> None:
        entering = [each for each in done if each.enters]
        keys, new_keys = await self._keys(done)
        now = self.deployment.clock.now()
        await write_rows(
            self.session,
            NewRows(table(Household), [self._household(each, keys[each.household_id], now) for each in entering]),
            NewRows(household_key_table, new_keys),
            NewRows(
                table(FamilyCard),
                [self._card(each, keys[each.household_id]) for each in entering if each.family.card],
            ),
            NewRows(table(HouseholdReference), self._references(done), where_absent=True),
            NewRows(table(Member), [self._sealed_member(row, each, keys) for each in done for row in each.members]),
            NewRows(table(HeldRow), [self._sealed_held(row, each, keys) for each in done for row in each.held]),
        )
        for each in entering:
            with in_course_of(each.cause):
                self._announce_new(each)
        await self._update([each for each in done if not each.is_new])
        for each in done:
            with in_course_of(each.cause):
                for row in each.held:
                    announce(self.session, _suspected(row, each))

    def _announce_new(self, each: Registration) -> None:
        announce(self.session, registered(each.household_id, each.family, self.source.register_code, each.members))
        announce(self.session, profile_of(each.household_id, each.family, each.members))

    async def _keys(self, done: Sequence[Registration]) -> tuple[dict[UUID, HouseholdKey], list[dict[str, Any]]]:
        """The key of everybody who needs one, and those of them that are new and have to be stored."""
        vault = self.deployment.vault
        fresh = {each.household_id for each in done if each.enters}
        others = {each.household_id for each in done if not each.is_new}
        others |= {self._key_id(row, each) for each in done for row in each.held}
        others -= fresh
        keys = await household_keys(self.session, vault, others, create=True) if others else {}
        stored = []
        for household_id in fresh:
            keys[household_id], wrapped = vault.new_household_key(household_id)
            stored.append({"household_id": household_id, "wrapped": wrapped, "key_version": vault.key_version})
        return keys, stored

    def _key_id(self, held: dict[str, Any], each: Registration) -> UUID:
        return each.household_id if each.exists else self.source.import_id or held["id"]

    def _references(self, done: Sequence[Registration]) -> list[dict[str, Any]]:
        return [
            {"numbering": self.source.numbering, "reference": each.family.reference, "household_id": each.household_id}
            for each in done
            if each.exists and self.source.numbering and each.family.reference
        ]

    def _household(self, each: Registration, key: HouseholdKey, now: datetime) -> dict[str, Any]:
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
        identity = Identity(person.name, person.nik.digits, person.born, person.phone)
        values = {
            **row,
            "identity": seal_identity(key, row["id"], identity),
            "key_version": key.key_version,
            "name_index": sorted(self.deployment.vault.name_index(person.name, kecamatan_of(each.region))),
        }
        del values["person"]
        return values

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


_GROW = text(
    """
    update household
    set revision = revision + 1, updated_at = :now,
        registers = case
            when jsonb_exists(registers, cast(:code as text)) then registers
            else registers || to_jsonb(cast(:code as text))
        end
    where id = any(cast(:ids as uuid[]))
    """
)


def _suspected(row: dict[str, Any], each: Registration) -> DuplicateSuspected:
    """About the household of the held row, or about the other one where the row has none."""
    return DuplicateSuspected(
        duplicate_id=row["id"],
        household_id=each.household_id if each.exists else row["other_household_id"],
        region=each.region if each.exists else row["other_region"],
        reasons=row["reasons"],
        blocks_payment=True,
    )
