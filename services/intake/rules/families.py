"""The rows of a family held against each other: what no row shows by itself, and what they say in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from services.intake.rules.civil_numbers import encodes, looks_like_person_number, plain_digits
from services.intake.rules.findings import refusal, warning
from services.intake.rules.rows import ADDRESS_MAX, Place, Row, clean_text, read_row, whole_number, word_or_none

Line = tuple[int, dict[str, str]]
"""Number of a row in its file, and its cells."""
REFERENCE_MAX: Final = 64
FAMILY_ROWS_MAX: Final = 60
"""More rows than any family has: a column was filled down, and nobody can say who belongs together."""
_NUMBERS: Final = ("nik", "nomor_kartu_keluarga")
_LOST_DIGITS_ROWS_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Family:
    """A family as its rows say, each row with its findings. Rows without a refusal are its members."""

    reference: str
    rows: Sequence[Row]
    card: str | None = field(repr=False)
    without_card_reason: str | None
    region: str
    decile: int | None
    address: str
    rt: str
    rw: str
    housing: dict[str, str | int]

    @property
    def accepted(self) -> list[Row]:
        return [row for row in self.rows if not row.refused]


def read_family(reference: str, lines: Sequence[Line], place: Place, *, today: date) -> Family:
    """The rows of one family, checked each by itself and against each other.

    ``lines`` are the numbers and cells of rows that stand together and share an id in the sending register.
    """
    rows = [read_row(number, cells, place, today=today) for number, cells in lines]
    card = _common_card(rows)
    _find_what_rows_show_together(rows, card)
    reason = _reason_without_card(rows)
    for row in rows:
        if row.card.is_missing and word_or_none(row.cells, "alasan_tanpa_kk") is None:
            row.findings.append(refusal("kk-missing", "nomor_kartu_keluarga"))
        elif card is not None and row.card.digits not in (None, card):
            row.findings.append(warning("kk-differs-in-family", "nomor_kartu_keluarga"))
    return _family(reference, rows, card, reason)


def group_families(lines: Iterable[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Rows that stand together and belong together: by the sender's family id, or by the card where there is none."""
    reference, together, last = "", list[Line](), None
    for line in lines:
        key = family_key(line[1])
        if together and (key != last or not any(key)):
            yield reference, together
            together = []
        if not together:
            reference, last = key[0], key
        together.append(line)
    if together:
        yield reference, together


def family_key(cells: Mapping[str, str]) -> tuple[str, str]:
    """Rows with the same key that stand together are one family; a key of two empty texts is nobody's."""
    reference = clean_text(cells.get("id_keluarga", ""))[:REFERENCE_MAX]
    return reference, "" if reference else plain_digits(cells.get("nomor_kartu_keluarga", ""))


def _find_what_rows_show_together(rows: Sequence[Row], card: str | None) -> None:
    if len(rows) > FAMILY_ROWS_MAX:
        _refuse_all(rows, "family-too-large", "id_keluarga")
    if _lost_last_digits(rows):
        _refuse_all(rows, "nik-last-digits-lost", "nik")
    # A swapped row carries the family's card as its person number; that must not turn against the other rows.
    swapped = [_is_swapped(row, card) for row in rows]
    people = {row.person.nik.digits for row, is_swapped in zip(rows, swapped, strict=True) if not is_swapped}
    one_region = all(row.region == rows[0].region for row in rows)
    for row, is_swapped in zip(rows, swapped, strict=True):
        if is_swapped:
            # Whatever else is wrong with the two numbers follows from it.
            row.findings = [each for each in row.findings if each.field not in _NUMBERS]
            row.findings.append(refusal("nik-and-kk-swapped", "nik"))
        elif row.card.digits is not None and row.card.digits in people:
            row.findings.append(refusal("kk-is-a-person-number", "nomor_kartu_keluarga"))
        if not one_region and _refused_region_differs(row, rows):
            row.findings.append(warning("region-differs-in-family", "kode_wilayah"))


def _refuse_all(rows: Sequence[Row], code: str, column: str) -> None:
    for row in rows:
        row.findings.append(refusal(code, column))


def _lost_last_digits(rows: Sequence[Row]) -> bool:
    """Every number of a family ends in 0, its card's too: sixteen digits went through a spreadsheet's fifteen.

    One healthy number in ten ends in 0, so that three rows and their card do so by chance once in ten thousand times.
    """
    if len(rows) < _LOST_DIGITS_ROWS_MIN:
        return False
    numbers = [plain_digits(row.cell("nik")) for row in rows]
    cards = [plain_digits(row.cell("nomor_kartu_keluarga")) for row in rows]
    return all(len(number) == 16 and number.isdecimal() and number.endswith("0") for number in (*numbers, *cards))


def _is_swapped(row: Row, card: str | None) -> bool:
    """NIK and KK stand in each other's column: by the family's card, or by the birth date inside the number."""
    typed_nik, typed_kk = plain_digits(row.cell("nik")), plain_digits(row.cell("nomor_kartu_keluarga"))
    if not typed_nik or not typed_kk or typed_nik == typed_kk:
        return False
    if card is not None and typed_nik == card and typed_kk != card:
        return True
    born = row.person.born
    nik_fits = row.person.nik.digits is not None and born is not None and encodes(row.person.nik, born)
    return not nik_fits and looks_like_person_number(typed_kk, born, row.person.sex)


def _refused_region_differs(row: Row, rows: Sequence[Row]) -> bool:
    return not row.refused and row.region != _most_common(each.region for each in rows if not each.refused)


def _common_card(rows: Sequence[Row]) -> str | None:
    """The card number most rows carry; the head's where two are equally frequent."""
    return _most_common(row.card.digits for row in rows if row.card.digits)


def _reason_without_card(rows: Sequence[Row]) -> str | None:
    return _most_common(word_or_none(row.cells, "alasan_tanpa_kk") for row in rows if row.card.is_missing)


def _most_common(values: Iterable[str | None]) -> str | None:
    said = [value for value in values if value]
    if not said or said.count(said[0]) == len(said):
        return said[0] if said else None
    return Counter(said).most_common(1)[0][0]


def _family(reference: str, rows: Sequence[Row], card: str | None, reason: str | None) -> Family:
    # What the rows of a family repeat is read from its first sound row; a refused row may be damaged anywhere.
    speaker = next((row for row in rows if not row.refused), rows[0])
    cells = speaker.cells
    decile = whole_number(cells, "desil", 10)
    stated: dict[str, str | int | None] = {
        "tenure": word_or_none(cells, "status_kepemilikan_rumah"),
        "floor": word_or_none(cells, "jenis_lantai_terluas"),
        "wall": word_or_none(cells, "jenis_dinding_terluas"),
        "roof": word_or_none(cells, "jenis_atap_terluas"),
        "floor_area_m2": whole_number(cells, "luas_lantai_m2", 10_000),
        "toilet": word_or_none(cells, "fasilitas_bab"),
        "water": word_or_none(cells, "sumber_air_minum_utama"),
    }
    return Family(
        reference=reference,
        rows=rows,
        card=card,
        without_card_reason=None if card else reason,
        region=speaker.region,
        decile=decile or None,
        address=clean_text(speaker.cell("alamat"))[:ADDRESS_MAX],
        rt=speaker.cell("rt")[:3],
        rw=speaker.cell("rw")[:3],
        housing={name: value for name, value in stated.items() if value is not None},
    )
