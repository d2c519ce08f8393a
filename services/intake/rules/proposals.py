"""A household as an officer states it, as rows of a file: the same checks for the form, the API and the import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.intake.rules.columns import WORDS
from services.intake.rules.families import Line

_FAMILY: Final = {
    "family_card_number": "nomor_kartu_keluarga",
    "region": "kode_wilayah",
    "address": "alamat",
    "rt": "rt",
    "rw": "rw",
    "decile": "desil",
    "without_card_reason": "alasan_tanpa_kk",
}
_HOUSING: Final = {
    "tenure": "status_kepemilikan_rumah",
    "floor": "jenis_lantai_terluas",
    "wall": "jenis_dinding_terluas",
    "roof": "jenis_atap_terluas",
    "floor_area_m2": "luas_lantai_m2",
    "toilet": "fasilitas_bab",
    "water": "sumber_air_minum_utama",
}
_PERSON: Final = {
    "nik": "nik",
    "no_nik_reason": "alasan_tanpa_nik",
    "name": "nama",
    "birth_date": "tanggal_lahir",
    "sex": "jenis_kelamin",
    "relation": "status_hubungan_keluarga",
    "phone": "no_hp",
}
_FLAGS: Final = {
    "at_school": ("partisipasi_sekolah", {True: "2", False: "3"}),
    "works": ("status_pekerjaan", {True: "1", False: ""}),
    "has_business": ("kepemilikan_usaha", {True: "1", False: "2"}),
    "disability": ("penyandang_disabilitas", {True: "1", False: "2"}),
    "pregnant": ("ibu_hamil", {True: "1", False: "2"}),
}
_CODES: Final = {column: {word: code for code, word in words.items()} for column, words in WORDS.items()}
_FIELD_OF: Final = {column: field for names in (_FAMILY, _PERSON) for field, column in names.items()} | {
    column: f"housing.{field}" for field, column in _HOUSING.items()
}


def words_of(column: str) -> tuple[str, ...]:
    """The words that the code list of a column knows."""
    return tuple(WORDS[column].values())


def lines_of(household: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> list[Line]:
    """A stated household as the rows that a file would carry; the n-th member is row n, from 0."""
    shared = _cells(household, _FAMILY) | _cells(household.get("housing") or {}, _HOUSING)
    return [(number, shared | _cells(member, _PERSON) | _flags(member)) for number, member in enumerate(members)]


def field_of(column: str, row: int, under: str = "members") -> str:
    """Where a finding of a row stands in the stated household: ``members.0.nik``, ``region``."""
    field = _FIELD_OF.get(column, column)
    return f"{under}.{row}.{field}" if column in _PERSON.values() else field


def _cells(said: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    cells = {}
    for field, column in columns.items():
        value, codes = said.get(field), _CODES.get(column)
        text = "" if value is None else str(value)
        cells[column] = text if codes is None else codes.get(text, text)
    return cells


def _flags(member: Mapping[str, Any]) -> dict[str, str]:
    return {
        column: answers[said] for field, (column, answers) in _FLAGS.items() if (said := member.get(field)) is not None
    }
