"""What the register, and the list before an entry, say about entries of a closed list."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Text, any_, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.models import FamilyCard, HeldRow, Household, HouseholdReference, Member, table
from services.intake.rules.closed_lists import Evidence
from shared.messaging import Session

_member, _household, _held = table(Member), table(Household), table(HeldRow)
_reference, _card = table(HouseholdReference), table(FamilyCard)


@dataclass(slots=True)
class EntryRead:
    """What an entry's row says, without any attribute of a person but whether the civil registry knows them."""

    entry: Mapping[str, Any]
    refusals: Sequence[str]
    nik_index: bytes | None
    kk_index: bytes | None
    known_to_registry: bool | None
    is_earlier_on_list: bool = False


@dataclass(frozen=True, slots=True)
class ListEvidence:
    """The part of the register that a number of entries may touch, loaded with four statements."""

    by_nik: Mapping[bytes, tuple[UUID, UUID]]
    by_reference: Mapping[tuple[str, str], UUID]
    by_card: Mapping[bytes, UUID]
    held: Collection[tuple[UUID, bytes]]

    @classmethod
    async def load(cls, session: Session, read: Sequence[EntryRead]) -> ListEvidence:
        niks = cast([each.nik_index for each in read if each.nik_index], ARRAY(LargeBinary))
        cards = cast([each.kk_index for each in read if each.kk_index], ARRAY(LargeBinary))
        references = cast([each.entry["reference"] for each in read], ARRAY(Text))
        people = select(_member.c.nik_index, _member.c.household_id, _member.c.id).where(
            _member.c.nik_index == any_(niks), _member.c.state == "active"
        )
        families = (
            select(_reference.c.numbering, _reference.c.reference, _reference.c.household_id)
            .join(_household, _household.c.id == _reference.c.household_id)
            .where(_reference.c.reference == any_(references), _household.c.state == "active")
        )
        of_card = select(_card.c.kk_index, _card.c.household_id).where(
            _card.c.kk_index == any_(cards), _card.c.valid_to.is_(None)
        )
        held = select(_held.c.household_id, _held.c.nik_index).where(_held.c.nik_index == any_(niks))
        return cls(
            {row.nik_index: (row.household_id, row.id) for row in await session.execute(people)},
            {(row.numbering, row.reference): row.household_id for row in await session.execute(families)},
            {row.kk_index: row.household_id for row in await session.execute(of_card)},
            {(row.household_id, row.nik_index) for row in await session.execute(held)},
        )

    def evidence(self, each: EntryRead) -> Evidence:
        household_id = self.by_reference.get((each.entry["numbering"], each.entry["reference"]))
        if household_id is None and each.kk_index is not None:
            household_id = self.by_card.get(each.kk_index)
        nik = each.nik_index
        return Evidence(
            refusals=each.refusals,
            is_earlier_on_list=each.is_earlier_on_list,
            is_held=nik is not None and household_id is not None and (household_id, nik) in self.held,
            known_to_registry=each.known_to_registry,
            household_id=household_id or each.entry["household_id"],
            member=self.by_nik.get(nik) if nik is not None else None,
        )
