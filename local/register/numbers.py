"""Person and family-card numbers that keep every rule of the real ones and cannot belong to anybody.

The civil registry counts the last four digits up from 0001 within one kecamatan and birth date (persons) or within
one kecamatan and day of recording (cards). No kecamatan has 9,000 births or cards on one day, so a serial from 9001
on is never issued: all numbers here have one.
"""

from __future__ import annotations

import random
from datetime import date
from typing import Final

SERIAL_MIN: Final = 9001
SERIAL_MAX: Final = 9999
_WOMEN: Final = 40
"""Added to the day of birth in a woman's number."""


class Numbers:
    """Hands out numbers, each once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def person(self, kecamatan: str, born: date, sex: str) -> str:
        """A person number issued in ``kecamatan`` (64.72.05) to somebody of that birth date and sex (L or P)."""
        day = born.day + (_WOMEN if sex == "P" else 0)
        return self._fresh(f"{kecamatan.replace('.', '')}{day:02d}{born:%m%y}")

    def card(self, kecamatan: str, recorded: date) -> str:
        """A family-card number recorded on that day. None ends in 0, so that a spreadsheet's zeros stand out."""
        prefix = f"{kecamatan.replace('.', '')}{recorded:%d%m%y}"
        number = self._fresh(prefix)
        while number.endswith("0"):
            number = self._fresh(prefix)
        return number

    def mistyped(self, number: str) -> str:
        """The number with one digit of its serial (never the first, which keeps it unreal) typed wrong; new here."""
        while True:
            place = self._rng.randrange(13, 16)
            digit = str((int(number[place]) + self._rng.randrange(1, 10)) % 10)
            typed = number[:place] + digit + number[place + 1 :]
            if int(typed[12:]) >= SERIAL_MIN and typed not in self._given:
                self._given.add(typed)
                return typed

    def _fresh(self, prefix: str) -> str:
        while True:
            number = f"{prefix}{self._rng.randint(SERIAL_MIN, SERIAL_MAX)}"
            if number not in self._given:
                self._given.add(number)
                return number
