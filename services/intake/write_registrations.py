"""Write registrations with few statements, and announce them: first the drafted, then the others, each in its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.intake.announcements import announce_updated
from services.intake.entrants import enter, seal_member
from services.intake.identity import seal_row
from services.intake.models import FamilyCard, HeldRow, Household, HouseholdReference, Member, table
from services.intake.registrations import Drafted, Entrant, Registration, Source
from shared.bulk import NewRows, RowLines, write_rows
from shared.deployment import Deployment
from shared.events.intake import DuplicateSuspected
from shared.messaging import Session, announce, in_course_of
from shared.messaging.announcing import Announcer, announce_checked
from shared.messaging.causes import Cause
from shared.messaging.written_ahead import announce_written, write_ahead
from shared.security import HouseholdKey, household_keys
from shared.security.tables import household_keys as household_key_table


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes what was decided of a number of families, in the transaction of the session."""

    session: Session
    deployment: Deployment
    source: Source

    async def write(self, done: Sequence[Registration]) -> None:
        clock = self.deployment.clock
        today, now = clock.today(), clock.now()
        entrants = [self._enter(each, today, now) for each in done if each.enters and each.drafted is None]
        keys = await self._keys(done, entrants)
        await self._write_drafted([each.drafted for each in done if each.drafted is not None])
        await write_rows(
            self.session,
            NewRows(table(Household), [each.household for each in entrants]),
            NewRows(household_key_table, [each.key for each in entrants]),
            NewRows(table(FamilyCard), [each.card for each in entrants if each.card]),
            NewRows(table(HouseholdReference), self._references(done), where_absent=True),
            NewRows(table(Member), [*(row for each in entrants for row in each.members), *self._joining(done, keys)]),
            NewRows(table(HeldRow), [self._sealed_held(row, each, keys) for each in done for row in each.held]),
        )
        made = {each.household_id: each.said for each in entrants}
        for each in done:
            if each.enters and each.drafted is None:
                with in_course_of(each.cause):
                    for said in made[each.household_id]:
                        announce_checked(self.session, said)
        await self._update([each for each in done if not each.is_new])
        for each in done:
            with in_course_of(each.cause):
                for row in each.held:
                    announce(self.session, _suspected(row, each))

    async def _write_drafted(self, drafted: Sequence[Drafted]) -> None:
        await _HOUSEHOLDS.write(self.session, [each.household for each in drafted])
        await _KEYS.write(self.session, [each.key for each in drafted])
        await _CARDS.write(self.session, [each.card for each in drafted if each.card])
        await _MEMBERS.write(self.session, [each.members for each in drafted])
        await announce_written(self.session, [each.said for each in drafted])

    def _enter(self, each: Registration, today: date, now: datetime) -> Entrant:
        if each.family is None:
            raise ValueError("a family that was not drafted comes with its rows")
        vault = self.deployment.vault
        return enter(vault, each.family, each.household_id, each.members, self.source, today=today, now=now)

    def _joining(self, done: Sequence[Registration], keys: Mapping[UUID, HouseholdKey]) -> Iterator[dict[str, Any]]:
        """New members of households that stand in the register already."""
        for each in done:
            if not each.is_new:
                for row in each.members:
                    yield seal_member(self.deployment.vault, keys[each.household_id], row, each.region)

    async def _keys(self, done: Sequence[Registration], entrants: Sequence[Entrant]) -> dict[UUID, HouseholdKey]:
        """The keys of households that somebody joins, and those under which rows are held."""
        vault = self.deployment.vault
        new = {each.household_id: each.key["wrapped"] for each in entrants}
        new |= {each.household_id: each.drafted.wrapped_key for each in done if each.drafted is not None}
        wanted = {each.household_id for each in done if not each.is_new}
        wanted |= {self._key_id(row, each) for each in done for row in each.held}
        # Who joins a household, or is held beside it, may come in one part with it.
        keys = {each: vault.household_key(each, new[each]) for each in wanted & new.keys()}
        if missing := wanted - keys.keys():
            keys |= await household_keys(self.session, vault, missing, create=True)
        return keys

    def _key_id(self, held: dict[str, Any], each: Registration) -> UUID:
        return each.household_id if each.exists else self.source.import_id or held["id"]

    def _references(self, done: Sequence[Registration]) -> list[dict[str, Any]]:
        return [
            {"numbering": self.source.numbering, "reference": each.seen.reference, "household_id": each.household_id}
            for each in done
            if each.exists and self.source.numbering and each.seen.reference
        ]

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


def as_lines(entrant: Entrant, announcer: Announcer, cause: Cause, now: datetime) -> Drafted:
    """A family that may enter, its rows and what is said of it made into lines."""
    return Drafted(
        entrant.household_id.bytes,
        [member["id"].bytes for member in entrant.members],
        sum(bool(member["warnings"]) for member in entrant.members),
        entrant.key["wrapped"],
        _HOUSEHOLDS.of([entrant.household]),
        _KEYS.of([entrant.key]),
        b"" if entrant.card is None else _CARDS.of([entrant.card]),
        _MEMBERS.of(entrant.members),
        write_ahead(entrant.said, announcer, cause, now),
    )


_HOUSEHOLDS = RowLines(table(Household), without=("withdrawn_reason",))
_KEYS = RowLines(household_key_table, without=("created_at",))
_CARDS = RowLines(table(FamilyCard), without=("valid_to",))
_MEMBERS = RowLines(table(Member), without=("dukcapil_on", "left_reason"))
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
