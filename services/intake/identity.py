"""Identity on its way into and out of the database: sealed under the household's key, bound to its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Final
from uuid import UUID

import orjson

from services.intake.csv_files import NumberedLine
from services.intake.rules.columns import REASON_COLUMN
from shared.security import HouseholdKey, Vault

# What a row number or a reason column says is about the file, not about the person.
_NOT_OF_THE_PERSON: Final = frozenset({"no_urut", REASON_COLUMN})


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who a member is. Never logged, never announced."""

    name: str
    nik: str | None
    born: date | None
    phone: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    street: str
    rt: str
    rw: str


def seal_identity(key: HouseholdKey, member_id: UUID, identity: Identity) -> bytes:
    fields = {"name": identity.name, "nik": identity.nik, "born": identity.born, "phone": identity.phone}
    return key.seal(f"member {member_id}", orjson.dumps(fields).decode())


def open_identity(key: HouseholdKey, member_id: UUID, sealed: bytes) -> Identity:
    fields = orjson.loads(key.open(f"member {member_id}", sealed))
    born = date.fromisoformat(fields["born"]) if fields["born"] else None
    return Identity(fields["name"], fields["nik"], born, fields["phone"])


def seal_address(key: HouseholdKey, address: Address) -> bytes:
    return key.seal("address", orjson.dumps([address.street, address.rt, address.rw]).decode())


def open_address(key: HouseholdKey, sealed: bytes | None) -> Address:
    return Address("", "", "") if sealed is None else Address(*orjson.loads(key.open("address", sealed)))


def seal_card(key: HouseholdKey, card_id: UUID, number: str) -> bytes:
    return key.seal(f"card {card_id}", number)


def open_card(key: HouseholdKey, card_id: UUID, sealed: bytes) -> str:
    return key.open(f"card {card_id}", sealed)


def seal_row(key: HouseholdKey, place: str, cells: Mapping[str, str]) -> bytes:
    """A row as received. ``place`` names the table row it belongs to."""
    return key.seal(f"row {place}", orjson.dumps(dict(cells)).decode())


def open_row(key: HouseholdKey, place: str, sealed: bytes) -> dict[str, str]:
    cells: dict[str, str] = orjson.loads(key.open(f"row {place}", sealed))
    return cells


def seal_part(key: HouseholdKey, number: int, lines: Sequence[NumberedLine]) -> bytes:
    """A part of a file as received. ``number`` is its place among the parts."""
    return key.seal(f"lines {number}", orjson.dumps(lines).decode())


def open_part(key: HouseholdKey, number: int, sealed: bytes) -> list[NumberedLine]:
    return [(line_number, line) for line_number, line in orjson.loads(key.open(f"lines {number}", sealed))]


def row_digest(vault: Vault, cells: Mapping[str, str]) -> bytes:
    """Tells whether two files carry the very same row, wherever it stands in them."""
    named, values = _compared(tuple(cells))
    return vault.digest(named + orjson.dumps([*map(str.strip, values(cells))]))


@lru_cache(maxsize=256)
def _compared(names: tuple[str, ...]) -> tuple[bytes, Callable[[Mapping[str, str]], tuple[str, ...]]]:
    """The columns of a file that a digest covers, in an order that does not depend on the file, and what reads them."""
    compared = sorted(name for name in names if name not in _NOT_OF_THE_PERSON)
    # A reader of one column would give the cell by itself.
    values = itemgetter(*compared) if len(compared) > 1 else lambda cells: tuple(map(cells.__getitem__, compared))
    return b"row\0" + orjson.dumps(compared), values
