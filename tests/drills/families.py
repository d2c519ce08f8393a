"""Families that nobody is: numbers that are well formed and differ, names of things."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

_PLACES = ("64.72.01.1001", "64.72.03.1001", "64.72.05.1002", "64.72.07.1001", "64.72.09.1001")
_WORDS = ("Meja", "Kursi", "Payung", "Sendok", "Lampu", "Tikar", "Pintu", "Cangkir", "Sapu", "Ember")
ANSWERS: dict[str, Any] = {
    "has_shelter": True, "tenure": "own", "owns_land": True, "land_proof": "girik-or-letter-c", "floor_area_m2": 30,
    "floor": "earth", "wall": "wood-board-gypsum-grc", "roof": "zinc", "house_helped_before": False,
    "water": "refill", "power": "450-w", "toilet": "shared", "income_per_person_rupiah": 250000,
    "head_has_work": True, "worried_about_food": True, "food_is_over_half": True, "bought_clothes_this_year": False,
    "civil_servant_in_family": False, "company_owner": False, "has_business": True, "business": "food-stall",
    "committed": True,
}  # fmt: skip
"""What a visit to any of them finds."""


def closed_list(families: Sequence[dict[str, Any]]) -> bytes:
    """A closed list as a city receives it: the head of each family, known to the civil registry."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(
        (
            "no_urut", "id_keluarga", "nik", "nama", "nomor_kartu_keluarga", "tanggal_lahir", "jenis_kelamin",
            "status_hubungan_keluarga", "kode_wilayah", "padan_dukcapil",
        )
    )  # fmt: skip
    for number, family in enumerate(families, start=1):
        head = family["members"][0]
        write(
            (
                number, f"K{number}", head["nik"], head["name"], family["family_card_number"], head["birth_date"],
                head["sex"], "1", family["region"], "1",
            )
        )  # fmt: skip
    return file.getvalue().encode()


class Families:
    """One family after another, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._serial = self.random.randrange(1_000_000)

    def next(self) -> dict[str, Any]:
        """The body of a registration: one to five members, each with a number of their own."""
        members = [self._member(place) for place in range(self.random.randint(1, 5))]
        return {
            "region": self.random.choice(_PLACES),
            "register_code": "own",
            "family_card_number": self._number(date(2015, 1, 1), female=False),
            "without_card_reason": None,
            "address": "Jl. Contoh No. 1",
            "rt": "003",
            "rw": "001",
            "decile": 1,
            "housing": {
                "tenure": "own", "floor": "wood", "wall": "wood-board-gypsum-grc", "roof": "zinc",
                "floor_area_m2": 30, "toilet": "shared", "water": "refill",
            },
            "members": members,
        }  # fmt: skip

    def _member(self, place: int) -> dict[str, Any]:
        is_adult = place < 2
        born = date(1975 if is_adult else 2012, 1, 1) + timedelta(days=self.random.randrange(3_000))
        female = place == 1 or (place > 1 and self.random.random() < 0.5)
        return {
            "name": " ".join(self.random.sample(_WORDS, 2)),
            "nik": self._number(born, female=female),
            "no_nik_reason": None,
            "birth_date": born.isoformat(),
            "sex": "P" if female else "L",
            "relation": ("head", "spouse")[place] if is_adult else "child",
            "phone": None,
            "at_school": None if is_adult else True,
            "works": is_adult,
            "has_business": None,
            "disability": False,
            "pregnant": None,
        }

    def _number(self, day: date, *, female: bool) -> str:
        """Sixteen digits: a district, the day (of a woman plus 40), and a serial; no two alike within a million."""
        self._serial = (self._serial + 1) % 1_000_000
        district, serial = divmod(self._serial, 9_999)
        place = f"64{72 + district // 10:02d}{district % 10 + 1:02d}"
        return f"{place}{day.day + (40 if female else 0):02d}{day:%m%y}{serial + 1:04d}"
