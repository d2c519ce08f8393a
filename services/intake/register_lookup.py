"""What the register already holds of the families that come in: by reference, by card, by number, by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from services.intake.identity import row_digest
from services.intake.models import Household
from services.intake.rules.admission import Applicant, Holder
from services.intake.rules.families import Family
from services.intake.rules.rows import Row
from shared.driver import read_rows
from shared.messaging import Session
from shared.messaging.literals import digests_as_array
from shared.security import Vault


@dataclass(frozen=True, slots=True)
class Standing:
    """An active household of the register."""

    household_id: UUID
    region: str
    registers: tuple[str, ...]
    reference: str | None
    """The id that the sender of the rows gave it, where it did."""


class Seen(NamedTuple):
    """What of a family is compared with the register."""

    reference: str
    """The id that the sender gave it, or nothing."""
    region: str
    card_index: bytes | None
    applicants: Sequence[Applicant]
    """Of its accepted rows, in their order."""


def see(vault: Vault, family: Family) -> Seen:
    """Work out what is compared of a family. Pure."""
    card_index = None if family.card is None else vault.blind_index("kk", family.card)
    return Seen(family.reference, family.region, card_index, [_applicant(vault, row) for row in family.accepted])


def _applicant(vault: Vault, row: Row) -> Applicant:
    nik = row.person.nik.digits
    return Applicant(row_digest(vault, row.cells), vault.blind_index("nik", nik) if nik else None)


@dataclass(slots=True)
class Known:
    """Loaded with one statement for any number of families; grows with what is registered meanwhile."""

    into: Standing | None = None
    by_reference: dict[str, Standing] = field(default_factory=dict)
    by_card: dict[bytes, Standing] = field(default_factory=dict)
    holders: dict[bytes, Holder] = field(default_factory=dict)
    digests: set[bytes] = field(default_factory=set)
    """Of rows that stand and no number tells apart (held, or of people without one), and of all that come in now."""
    is_waited_for: bool = False
    """Whether an entry of a closed list waits for one of the families or people."""

    @classmethod
    async def load(
        cls, session: Session, families: Sequence[Seen], numbering: str | None = None, into: UUID | None = None
    ) -> Self:
        """What the register holds of these families, which join the household ``into`` where one is given."""
        known = cls()
        if into is not None:
            household = await session.get_one(Household, into)
            known.into = Standing(household.id, household.region, tuple(household.registers), None)
        await known.look_up(session, families, numbering)
        return known

    async def look_up(self, session: Session, families: Sequence[Seen], numbering: str | None) -> None:
        """Add what the register holds of these families."""
        applicants = [applicant for family in families for applicant in family.applicants]
        references = [family.reference for family in families if family.reference] if numbering is not None else []
        cards = [family.card_index for family in families if family.card_index is not None]
        numbers = [each.nik_index for each in applicants if each.nik_index]
        digests = [each.digest for each in applicants]
        # Who joins a household by a decision may come from the very row that was held.
        held = [] if self.into is not None else digests
        await self.ask(session, numbering, references, cards, numbers, digests, held)

    async def ask(
        self,
        session: Session,
        numbering: str | None = None,
        references: Sequence[str] = (),
        cards: Sequence[bytes] = (),
        numbers: Sequence[bytes] = (),
        digests: Sequence[bytes] = (),
        held: Sequence[bytes] = (),
    ) -> None:
        """Add what the register holds under any of these; ``held`` are digests that may be those of held rows."""
        asked = [digests_as_array(each) for each in (cards, numbers, digests, held)]
        for row in await read_rows(session, _LOOK_UP, numbering, references, *asked):
            self._note(row)

    def _note(self, row: Mapping[str, Any]) -> None:
        match row["found"]:
            case "reference":
                self.by_reference[row["reference"]] = _standing(row)
            case "card":
                self.by_card[row["number"]] = _standing(row)
            case "holder":
                self.holders[row["number"]] = Holder(
                    row["household_id"], row["member_id"], row["region"], row["import_id"]
                )
            case "row":
                self.digests.add(row["number"])
            case _:
                self.is_waited_for = True

    def standing_of(self, family: Seen) -> Standing | None:
        """The household a family is, by the sender's id or by its card."""
        if self.into is not None:
            return self.into
        found = self.by_reference.get(family.reference)
        if found is None and family.card_index is not None:
            found = self.by_card.get(family.card_index)
        return found

    def has_nobody_of(self, family: Seen) -> bool:
        """Whether neither the family nor any of its people is known under any number or row."""
        if self.standing_of(family) is not None:
            return False
        return not any(digest in self.digests or index in self.holders for digest, index in family.applicants)

    def is_of_another_family(self, family: Seen) -> bool:
        """Whether a family's card is that of a household to which the same sender gave another id."""
        if self.into is not None or family.card_index is None or not family.reference:
            return False
        found = self.by_card.get(family.card_index)
        return found is not None and found.reference not in (None, family.reference)

    def remember(self, family: Seen, standing: Standing) -> None:
        if family.reference:
            self.by_reference[family.reference] = standing
        if family.card_index is not None:
            self.by_card[family.card_index] = standing

    def take(self, applicant: Applicant, holder: Holder) -> None:
        if applicant.nik_index is not None:
            self.holders[applicant.nik_index] = holder


def numbers_of(families: Sequence[Seen]) -> set[bytes]:
    """What of these families may stand in the register once only: people, rows without a number, cards."""
    people = {each.nik_index or each.digest for family in families for each in family.applicants}
    return people | {family.card_index for family in families if family.card_index is not None}


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(row["household_id"], row["region"], tuple(row["registers"]), row["reference"])


_LOOK_UP: Final = """
    select 'reference' as found, null::bytea as number, family.reference,
        household.id as household_id, household.region, household.registers, null::uuid as member_id,
        null::uuid as import_id
    from household_reference as family join household on household.id = family.household_id
    where family.numbering = $1::text and family.reference = any($2::text[]) and household.state = 'active'
    union all
    select 'card', card.kk_index, family.reference, household.id, household.region, household.registers, null, null
    from family_card as card join household on household.id = card.household_id
    left join household_reference as family on family.household_id = household.id and family.numbering = $1
    where card.kk_index = any(cast($3::text as bytea[])) and card.valid_to is null and household.state = 'active'
    union all
    select 'holder', member.nik_index, null, household.id, household.region, null, member.id, member.import_id
    from member join household on household.id = member.household_id
    where member.nik_index = any(cast($4::text as bytea[])) and member.state = 'active'
    union all
    select 'row', row_digest, null, null, null, null, null, null
    from member where row_digest = any(cast($5::text as bytea[])) and nik_index is null and state = 'active'
    union all
    select 'row', row_digest, null, null, null, null, null, null
    from held_row where row_digest = any(cast($6::text as bytea[]))
    union all
    (
        select 'waiting', null, null, null, null, null, null, null
        from cohort_entry where numbering = $1 and reference = any($2) and waits limit 1
    )
    union all
    (
        select 'waiting', null, null, null, null, null, null, null
        from cohort_entry where nik_index = any(cast($4::text as bytea[])) and waits limit 1
    )
"""
