"""What the register already holds of the families that come in: by reference, by card, by number, by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from sqlalchemy import LargeBinary, Text, and_, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.identity import row_digest
from services.intake.models import FamilyCard, HeldRow, Household, HouseholdReference, Member, table
from services.intake.rules.admission import Applicant, Holder
from services.intake.rules.families import Family
from services.intake.rules.rows import Row
from shared.messaging import Session
from shared.security import Vault

_household, _member, _held = table(Household), table(Member), table(HeldRow)
_reference, _card = table(HouseholdReference), table(FamilyCard)


@dataclass(frozen=True, slots=True)
class Standing:
    """An active household of the register."""

    household_id: UUID
    region: str
    registers: tuple[str, ...]
    reference: str | None
    """The id that the sender of the rows gave it, where it did."""


@dataclass(slots=True)
class Known:
    """Loaded with few statements for any number of families; grows with what is registered meanwhile."""

    vault: Vault
    into: Standing | None = None
    by_reference: dict[str, Standing] = field(default_factory=dict)
    by_card: dict[bytes, Standing] = field(default_factory=dict)
    holders: dict[bytes, Holder] = field(default_factory=dict)
    digests: set[bytes] = field(default_factory=set)
    _card_indexes: dict[str, bytes] = field(default_factory=dict)
    _applicants: dict[int, Applicant] = field(default_factory=dict)

    @classmethod
    async def load(
        cls, session: Session, vault: Vault, families: Sequence[Family], numbering: str | None, into: UUID | None
    ) -> Self:
        known = cls(vault)
        if into is not None:
            household = await session.get_one(Household, into)
            known.into = Standing(household.id, household.region, tuple(household.registers), None)
        await known.look_up(session, families, numbering)
        return known

    async def look_up(self, session: Session, families: Sequence[Family], numbering: str | None) -> None:
        """Add what the register holds of these families."""
        applicants = [self.applicant(row) for family in families for row in family.accepted]
        await self._load_households(session, families, numbering)
        await self._load_holders(session, [each.nik_index for each in applicants if each.nik_index])
        await self._load_digests(session, [each.digest for each in applicants])

    def numbers_of(self, families: Sequence[Family]) -> set[bytes]:
        """What of these families may stand in the register once only: people, rows without a number, cards."""
        applicants = (self.applicant(row) for family in families for row in family.accepted)
        people = {each.nik_index or each.digest for each in applicants}
        return people | {self.card_index(family.card) for family in families if family.card is not None}

    def applicant(self, row: Row) -> Applicant:
        """Digest and index of a row, worked out once."""
        found = self._applicants.get(id(row))
        if found is None:
            nik = row.person.nik.digits
            found = Applicant(row_digest(self.vault, row.cells), self.vault.blind_index("nik", nik) if nik else None)
            self._applicants[id(row)] = found
        return found

    def card_index(self, number: str) -> bytes:
        """Index of a card, worked out once."""
        found = self._card_indexes.get(number)
        if found is None:
            found = self._card_indexes[number] = self.vault.blind_index("kk", number)
        return found

    def standing_of(self, family: Family) -> Standing | None:
        """The household a family is, by the sender's id or by its card."""
        if self.into is not None:
            return self.into
        found = self.by_reference.get(family.reference)
        if found is None and family.card is not None:
            found = self.by_card.get(self.card_index(family.card))
        return found

    def is_of_another_family(self, family: Family) -> bool:
        """Whether a family's card is that of a household to which the same sender gave another id."""
        if self.into is not None or family.card is None or not family.reference:
            return False
        found = self.by_card.get(self.card_index(family.card))
        return found is not None and found.reference not in (None, family.reference)

    def remember(self, family: Family, standing: Standing) -> None:
        if family.reference:
            self.by_reference[family.reference] = standing
        if family.card is not None:
            self.by_card[self.card_index(family.card)] = standing

    def take(self, applicant: Applicant, holder: Holder) -> None:
        if applicant.nik_index is not None:
            self.holders[applicant.nik_index] = holder

    async def _load_households(self, session: Session, families: Sequence[Family], numbering: str | None) -> None:
        if numbering is not None:
            references = [family.reference for family in families if family.reference]
            rows = await session.execute(_BY_REFERENCE, {"numbering": numbering, "wanted": references})
            self.by_reference |= {row.reference: _standing(row) for row in rows}
        cards = [self.card_index(family.card) for family in families if family.card]
        rows = await session.execute(_BY_CARD, {"numbering": numbering, "wanted": cards})
        self.by_card |= {row.kk_index: _standing(row) for row in rows}

    async def _load_holders(self, session: Session, indexes: Sequence[bytes]) -> None:
        for row in await session.execute(_HOLDERS, {"wanted": list(indexes)}):
            self.holders[row.nik_index] = Holder(row.household_id, row.id, row.region, row.import_id)

    async def _load_digests(self, session: Session, digests: Sequence[bytes]) -> None:
        """Rows seen before that no number tells apart: those held, and those of people without a number."""
        # Who joins a household by a decision may come from the very row that was held.
        seen = _NAMELESS if self.into is not None else _NAMELESS_OR_HELD
        self.digests |= set((await session.execute(seen, {"wanted": list(digests)})).scalars())


# Made once: building a statement anew costs more than what it does.
_numbering, _texts = bindparam("numbering", type_=Text()), bindparam("wanted", type_=ARRAY(Text))
_bytes = bindparam("wanted", type_=ARRAY(LargeBinary))
_columns = (_household.c.id, _household.c.region, _household.c.registers)
_active = _household.c.state == "active"
_BY_REFERENCE: Final = (
    select(_reference.c.reference, *_columns)
    .join(_household, _household.c.id == _reference.c.household_id)
    .where(_reference.c.numbering == _numbering, _reference.c.reference == any_(_texts), _active)
)
_BY_CARD: Final = (
    select(_card.c.kk_index, _reference.c.reference, *_columns)
    .join(_household, _household.c.id == _card.c.household_id)
    .outerjoin(_reference, and_(_reference.c.household_id == _household.c.id, _reference.c.numbering == _numbering))
    .where(_card.c.kk_index == any_(_bytes), _card.c.valid_to.is_(None), _active)
)
_HOLDERS: Final = (
    select(_member.c.nik_index, _member.c.id, _member.c.household_id, _member.c.import_id, _household.c.region)
    .join(_household, _household.c.id == _member.c.household_id)
    .where(_member.c.nik_index == any_(_bytes), _member.c.state == "active")
)
_NAMELESS: Final = select(_member.c.row_digest).where(
    _member.c.row_digest == any_(_bytes), _member.c.nik_index.is_(None), _member.c.state == "active"
)
_NAMELESS_OR_HELD: Final = _NAMELESS.union_all(select(_held.c.row_digest).where(_held.c.row_digest == any_(_bytes)))


def _standing(row: object) -> Standing:
    return Standing(row.id, row.region, tuple(row.registers), row.reference)  # type: ignore[attr-defined]
