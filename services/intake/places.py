"""Which codes are a kelurahan or desa, and whose place a file may speak about."""

from __future__ import annotations

from datetime import date
from functools import lru_cache, partial

from services.intake.rules.rows import Place
from shared.regions import Regions


@lru_cache(maxsize=64)
def place_of(region: str, *, today: date) -> Place:
    """The places a file or form about a region may name today."""
    # Files and forms name few places, each many times.
    return Place(lru_cache(maxsize=4_096)(partial(_is_village, today=today)), region)


def is_region(code: str, *, today: date) -> bool:
    """Whether a code of any level holds today."""
    return Regions.load().get(code, today) is not None


def kecamatan_of(region: str) -> str:
    """Names are searched within a kecamatan: the first three parts of a code."""
    return ".".join(region.split(".")[:3])


def _is_village(code: str, *, today: date) -> bool:
    found = Regions.load().get(code, today)
    return found is not None and found.level == 4
