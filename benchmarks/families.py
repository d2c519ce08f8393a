"""Families to register: every number keeps the rules of a real one, is given once, and belongs to nobody.

Family ``n`` is always the same. Serials begin at 9001, as in the generated register: no such number is ever issued.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from local.register.names import name_for

KELURAHAN: Final = "64.72.05.1002"
_KECAMATAN: Final = "647205"
_SERIALS: Final = 999
_WOMEN: Final = 40
_BORN_FROM: Final = date(1950, 1, 1)
_BORN_DAYS: Final = 18_000
_RECORDED_FROM: Final = date(2003, 1, 1)
_RECORDED_DAYS: Final = 6_500
FAMILIES_MAX: Final = _SERIALS * _BORN_DAYS // 3
"""So many families of up to three persons have numbers of their own; cards are issued in ever new kecamatan."""


def family(n: int, persons: int = 3) -> dict[str, Any]:
    """The body of ``POST /api/v1/households`` for family ``n``."""
    return {
        "region": KELURAHAN,
        "family_card_number": card_number(n),
        "address": f"Jl. Melati No. {n}",
        "rt": f"{n % 60 + 1:03d}",
        "rw": f"{n % 20 + 1:03d}",
        "decile": n % 4 + 1,
        "housing": {"tenure": "own", "floor": "wood", "floor_area_m2": 20 + n % 60},
        "members": [_member(n * 3 + place, place) for place in range(persons)],
    }


def card_number(n: int) -> str:
    """The family card of family ``n``."""
    recorded, kecamatan = divmod(n // _SERIALS, _RECORDED_DAYS)[::-1]
    day = _RECORDED_FROM + timedelta(days=recorded)
    return f"6472{kecamatan % 10 + 1:02d}{day:%d%m%y}{9001 + n % _SERIALS}"


def person_number(serial: int, sex: str) -> tuple[str, date]:
    """A person number, and the birth date it carries."""
    born = _BORN_FROM + timedelta(days=serial // _SERIALS % _BORN_DAYS)
    day = born.day + (_WOMEN if sex == "P" else 0)
    return f"{_KECAMATAN}{day:02d}{born:%m%y}{9001 + serial % _SERIALS}", born


def _member(serial: int, place: int) -> dict[str, Any]:
    sex = "LPL"[place % 3]
    number, born = person_number(serial, sex)
    return {
        "name": name_for(Random(serial), sex, age=40),
        "nik": number,
        "birth_date": born.isoformat(),
        "sex": sex,
        "relation": ("head", "spouse", "child")[place % 3],
    }
