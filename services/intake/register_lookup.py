"""What the register already holds of the families that come in: by reference, by card, by number, by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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
        given: dict[str, Sequence[Any]]
        given = {"references": references, "cards": cards, "numbers": numbers, "digests": digests, "held": held}
        words, used = _look_up(tuple(name for name, values in given.items() if values))
        if not words:
            return
        arguments: dict[str, Any] = {"numbering": numbering, "references": references}
        arguments |= {name: digests_as_array(given[name]) for name in used if name not in arguments}
        for row in await read_rows(session, words, *(arguments[name] for name in used)):
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


def _search(found: str, rows: str, **told: str) -> str:
    """Part of a look-up. Each says the same columns, so that any of them may come first."""
    columns = (f"{told.get(name, f'null::{kind}')} as {name}" for name, kind in _TOLD.items())
    return f"select '{found}' as found, {', '.join(columns)} from {rows}"


def _waiting(where: str) -> str:
    return f"({_search('waiting', f'cohort_entry where {where} and waits')} limit 1)"


@lru_cache(maxsize=64)
def _look_up(asked: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """One statement for what is asked, and for nothing else: what is not costs as much as what is not there.

    Returns:
        The statement, and the names of its arguments in their order.
    """
    words = " union all ".join(search for by, search in _SEARCHES if by in asked)
    used = tuple(name for name in _ARGUMENTS if f"{{{name}}}" in words)
    return words.format(**{name: _ARGUMENTS[name].format(place) for place, name in enumerate(used, start=1)}), used


_ARGUMENTS: Final = {
    "numbering": "${}::text",
    "references": "${}::text[]",
    "cards": "cast(${}::text as bytea[])",
    "numbers": "cast(${}::text as bytea[])",
    "digests": "cast(${}::text as bytea[])",
    "held": "cast(${}::text as bytea[])",
}
_TOLD: Final = {
    "number": "bytea", "reference": "text", "household_id": "uuid", "region": "text", "registers": "jsonb",
    "member_id": "uuid", "import_id": "uuid",
}  # fmt: skip
_HOUSEHOLD: Final = {
    "household_id": "household.id", "region": "household.region", "registers": "household.registers",
    "reference": "family.reference",
}  # fmt: skip
_SEARCHES: Final = (
    (
        "references",
        _search(
            "reference",
            """
            household_reference as family join household on household.id = family.household_id
            where family.numbering = {numbering} and family.reference = any({references})
                and household.state = 'active'
            """,
            **_HOUSEHOLD,
        ),
    ),
    (
        "cards",
        _search(
            "card",
            """
            family_card as card join household on household.id = card.household_id
            left join household_reference as family
                on family.household_id = household.id and family.numbering = {numbering}
            where card.kk_index = any({cards}) and card.valid_to is null and household.state = 'active'
            """,
            number="card.kk_index",
            **_HOUSEHOLD,
        ),
    ),
    (
        "numbers",
        _search(
            "holder",
            """
            member join household on household.id = member.household_id
            where member.nik_index = any({numbers}) and member.state = 'active'
            """,
            number="member.nik_index",
            household_id="household.id",
            region="household.region",
            member_id="member.id",
            import_id="member.import_id",
        ),
    ),
    (
        "digests",
        _search(
            "row",
            "member where row_digest = any({digests}) and nik_index is null and state = 'active'",
            number="row_digest",
        ),
    ),
    ("held", _search("row", "held_row where row_digest = any({held})", number="row_digest")),
    ("references", _waiting("numbering = {numbering} and reference = any({references})")),
    ("numbers", _waiting("nik_index = any({numbers})")),
)
