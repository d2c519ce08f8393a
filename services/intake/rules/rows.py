"""A row of a file as a person, with everything that is wrong about it found at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from services.intake.rules.civil_numbers import CivilNumber, Sex, differences, read_card_number, read_person_number
from services.intake.rules.columns import WORDS
from services.intake.rules.findings import Finding, is_refused, refusal, warning

Cells = Mapping[str, str]
DAMAGED: Final = "#"
"""A cell of this name stands in rows that have more or fewer cells than the header, or broken quotes."""

NAME_MAX: Final = 120
ADDRESS_MAX: Final = 300
AGE_MAX: Final = 120
_ISO_LENGTH: Final = 10
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_PHONE: Final = re.compile(r"(?:\+?62|0)8[0-9]{7,12}")
_IN_PHONES: Final = re.compile(r"[\s\-.]")
_AT_SCHOOL: Final = {"1": False, "2": True, "3": False}
_YES_NO: Final = {"1": True, "2": False}


@dataclass(frozen=True, slots=True)
class Place:
    """Which codes are a kelurahan or desa today, and the subtree a file may speak about."""

    is_village: Callable[[str], bool]
    region: str

    def check(self, code: str) -> Finding | None:
        """Only a dotted Kemendagri code counts: the codes of the statistics office look alike and mean other places."""
        if not code:
            return refusal("region-missing", "kode_wilayah")
        if not self.is_village(code):
            return refusal("region-unknown", "kode_wilayah")
        if code != self.region and not code.startswith(f"{self.region}."):
            return refusal("region-outside", "kode_wilayah")
        return None


class Person(NamedTuple):
    """What a row says of one person. Identity and profile side by side; they part when they are stored."""

    name: str
    nik: CivilNumber
    no_nik_reason: str | None
    born: date | None
    sex: Sex | None
    relation: str
    phone: str | None = None
    at_school: bool | None = None
    works: bool | None = None
    has_business: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None


@dataclass(slots=True)
class Row:
    """A row of a file, read. Findings of the family are added to those of the row."""

    number: int
    """Line of the file, the header being line 1."""
    cells: Cells
    person: Person
    card: CivilNumber
    region: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return is_refused(self.findings)

    def cell(self, column: str) -> str:
        return self.cells.get(column, "").strip()


def read_row(number: int, cells: Cells, place: Place, *, today: date) -> Row:
    """Everything a row says and everything that is wrong about it by itself; the family is looked at afterwards."""
    found = [refusal("row-damaged", "no_urut")] if DAMAGED in cells else list[Finding]()
    person = read_person(cells, found, today=today)
    card = read_card_number(cells.get("nomor_kartu_keluarga", ""), today=today)
    found += card.findings
    region = cells.get("kode_wilayah", "").strip()
    outside = place.check(region)
    if outside:
        found.append(outside)
    return Row(number, cells, person, card, region, found)


def read_person(cells: Cells, found: list[Finding], *, today: date) -> Person:
    """The person of a row; what is wrong is added to ``found``."""
    name = clean_text(cells.get("nama", ""))[:NAME_MAX]
    if not any(letter.isalpha() for letter in name):
        found.append(refusal("name-empty", "nama"))
    born = _born(cells.get("tanggal_lahir", ""), found, today)
    sex = _sex(cells.get("jenis_kelamin", ""), found)
    nik = read_person_number(cells.get("nik", ""), today=today)
    found += nik.findings
    no_nik_reason = _word(cells, "alasan_tanpa_nik", found)
    if nik.is_missing and no_nik_reason is None:
        found.append(refusal("nik-missing", "nik"))
    found += differences(nik, born, sex)
    relation = _word(cells, "status_hubungan_keluarga", found)
    return Person(
        name=name,
        nik=nik,
        no_nik_reason=no_nik_reason if nik.is_missing else None,
        born=born,
        sex=sex,
        relation=relation or "other",
        phone=_phone(cells.get("no_hp", ""), found),
        at_school=_AT_SCHOOL.get(cells.get("partisipasi_sekolah", "").strip()),
        works=cells["status_pekerjaan"].strip() != "" if "status_pekerjaan" in cells else None,
        has_business=_YES_NO.get(cells.get("kepemilikan_usaha", "").strip()),
        disability=_YES_NO.get(cells.get("penyandang_disabilitas", "").strip()),
        pregnant=_YES_NO.get(cells.get("ibu_hamil", "").strip()),
    )


def clean_text(typed: str) -> str:
    """Text as people meant it: composed letters, no control characters, single spaces."""
    if typed.isascii() and typed.isprintable():
        return " ".join(typed.split())
    composed = unicodedata.normalize("NFC", typed)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in composed).split())


def read_date(typed: str) -> date | None:
    """A date as ISO or day first; None where it is no date of the calendar."""
    text = typed.strip()
    if len(text) == _ISO_LENGTH and text[4] == text[7] == "-":
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    iso, day_first = _ISO.fullmatch(text), _DAY_FIRST.fullmatch(text)
    try:
        if iso:
            return date(*(int(part) for part in iso.groups()))
        if day_first:
            day, month, year = (int(part) for part in day_first.groups())
            return date(year, month, day)
    except ValueError:
        return None
    return None


def _born(typed: str, found: list[Finding], today: date) -> date | None:
    if not typed.strip():
        found.append(refusal("birth-date-missing", "tanggal_lahir"))
        return None
    born = read_date(typed)
    if born is None:
        found.append(refusal("birth-date-impossible", "tanggal_lahir"))
    elif born > today:
        found.append(refusal("birth-date-in-future", "tanggal_lahir"))
    elif today.year - born.year > AGE_MAX:
        found.append(refusal("birth-date-too-old", "tanggal_lahir"))
    return born


def _sex(typed: str, found: list[Finding]) -> Sex | None:
    code = typed.strip().upper()
    if code == "L":
        return "male"
    if code == "P":
        return "female"
    found.append(refusal("sex-unknown", "jenis_kelamin"))
    return None


def _word(cells: Cells, column: str, found: list[Finding]) -> str | None:
    """The word of a coded cell. A code outside the list warns and counts as unknown."""
    code = cells.get(column, "").strip()
    if not code:
        return None
    word = WORDS[column].get(code)
    if word is None:
        found.append(warning("code-unknown", column))
    return word


def _phone(typed: str, found: list[Finding]) -> str | None:
    text = _IN_PHONES.sub("", typed) if typed else ""
    if not text:
        return None
    if _PHONE.fullmatch(text):
        return text
    found.append(warning("phone-unreadable", "no_hp"))
    return None


def word_or_none(cells: Cells, column: str) -> str | None:
    """The word of an optional coded cell of the family; unknown codes count as unknown."""
    return WORDS[column].get(cells.get(column, "").strip())


def whole_number(cells: Cells, column: str, largest: int) -> int | None:
    """A whole number in bounds, or None."""
    text = cells.get(column, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= largest else None
