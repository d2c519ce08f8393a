"""Families that nobody is: numbers that are well formed and differ, names of things."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
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


_PERSON = (
    "no_urut", "id_keluarga", "nik", "nama", "nomor_kartu_keluarga", "tanggal_lahir", "jenis_kelamin",
    "status_hubungan_keluarga", "kode_wilayah",
)  # fmt: skip
_RELATIONS = {"head": "1", "spouse": "2", "child": "3"}


def closed_list(families: Sequence[dict[str, Any]]) -> bytes:
    """A closed list as a city receives it: the head of each family, known to the civil registry."""
    heads = ((family, family["members"][0]) for family in families)
    return _file((*_PERSON, "padan_dukcapil"), ((*_person(*each), "1") for each in heads))


def register_file(families: Sequence[dict[str, Any]]) -> bytes:
    """The same families as a register sends them: a row a person, the rows of a family together."""
    rows = (
        (*_person(family, member), family["address"], family["rt"], family["rw"], family["decile"])
        for family in families
        for member in family["members"]
    )
    return _file((*_PERSON, "alamat", "rt", "rw", "desil"), rows)


def _file(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(header)
    for number, row in enumerate(rows, start=1):
        write((number, *row))
    return file.getvalue().encode()


def _person(family: dict[str, Any], member: dict[str, Any]) -> Sequence[str]:
    # The card's number is also the sender's own number of the family: no two lists or files share it by chance.
    card = family["family_card_number"]
    return (
        card, member["nik"], member["name"], card, member["birth_date"], member["sex"], _RELATIONS[member["relation"]],
        family["region"],
    )  # fmt: skip


class Families:
    """One family after another, the same for the same seed."""

    def __init__(self, seed: int, members_max: int = 5) -> None:
        self.random = random.Random(seed)
        self._members_max = members_max
        self._serial = self.random.randrange(1_000_000)

    def next(self) -> dict[str, Any]:
        """The body of a registration: one to five members, each with a number of their own."""
        members = [self._member(place) for place in range(self.random.randint(1, self._members_max))]
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
