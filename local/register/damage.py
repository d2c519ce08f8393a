"""What a fault does to the cells of a row: a healthy family in, changed cells out; only fresh numbers are drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.register.columns import CODES
from local.register.families import Family
from local.register.names import variant_of
from local.register.numbers import Numbers
from local.register.people import Person
from local.register.places import OLD_KECAMATAN, Places
from local.register.rates import Fault

NIK, KK = "nik", "nomor_kartu_keluarga"
NAME, BORN, SEX, REGION = "nama", "tanggal_lahir", "jenis_kelamin", "kode_wilayah"

_BPS_KECAMATAN: Final = {
    "64.72.01": "6472010",
    "64.72.02": "6472030",
    "64.72.03": "6472050",
    "64.72.04": "6472020",
    "64.72.05": "6472060",
    "64.72.06": "6472040",
    "64.72.07": "6472022",
    "64.72.08": "6472061",
    "64.72.09": "6472021",
    "64.72.10": "6472031",
}
"""Kemendagri's kecamatan → the statistics office's, which looks alike and means another place."""

DUPLICATES: Final = frozenset({Fault.OTHER_NAME, Fault.TWO_CARDS, Fault.TYPO})
"""Faults that need somebody else, whose number or whole identity is copied."""

Cells = dict[str, str]


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who makes the mistakes: the source of chance and of numbers, and the map."""

    rng: random.Random
    numbers: Numbers
    places: Places

    def spoil(self, fault: Fault, family: Family, person: Person, twin: Person | None = None) -> Cells:
        """The cells of ``person``'s row that the fault changes. ``twin`` is whom a duplicate copies."""
        if fault in DUPLICATES:
            if twin is None:
                raise ValueError(f"{fault} needs somebody to copy")
            return self._copy(fault, twin)
        return _SPOILERS[fault](self, family, person)

    def _copy(self, fault: Fault, twin: Person) -> Cells:
        if fault is Fault.OTHER_NAME:
            return {NIK: twin.nik}
        number = twin.nik if fault is Fault.TWO_CARDS else self.numbers.mistyped(twin.nik)
        return {NIK: number, NAME: variant_of(twin.name, self.rng), BORN: twin.born.isoformat(), SEX: twin.sex}

    def _scientific(self, number: str) -> str:
        """``6.47E+15`` as a spreadsheet shows it, with as many digits as the cell was wide."""
        digits = self.rng.choice((2, 2, 5, 11))
        mark = self.rng.choice(".,")
        return f"{number[0]}{mark}{number[1 : 1 + digits]}E+15"

    def _nik_scientific(self, _: Family, person: Person) -> Cells:
        return {NIK: self._scientific(person.nik)}

    def _kk_scientific(self, family: Family, _: Person) -> Cells:
        return {KK: self._scientific(family.card)}

    def _spreadsheet_run(self, family: Family, person: Person) -> Cells:
        return {NIK: person.nik[:15] + "0", KK: family.card[:15] + "0"}

    def _swapped(self, family: Family, person: Person) -> Cells:
        return {NIK: family.card, KK: person.nik}

    def _nik_length(self, _: Family, person: Person) -> Cells:
        place = self.rng.randrange(16)
        doubled = self.rng.random() < 0.4
        return {NIK: person.nik[:place] + person.nik[place] * 2 * doubled + person.nik[place + 1 :]}

    def _nik_letter(self, _: Family, person: Person) -> Cells:
        wrong = {"0": "O", "1": "l", "5": "S", "9": "g"}
        place = next(place for place in range(15, -1, -1) if person.nik[place] in wrong)
        return {NIK: person.nik[:place] + wrong[person.nik[place]] + person.nik[place + 1 :]}

    def _nik_missing(self, _: Family, __: Person) -> Cells:
        return {NIK: ""}

    def _nik_absent(self, _: Family, person: Person) -> Cells:
        reason = "2" if person.age == 0 else self.rng.choice(("1", "3", "4"))
        return {NIK: "", "alasan_tanpa_nik": reason}

    def _kk_missing(self, _: Family, __: Person) -> Cells:
        return {KK: ""}

    def _without_card(self, family: Family, _: Person) -> Cells:
        reasons = sorted(CODES["no_kk_reason"])
        return {KK: "", "alasan_tanpa_kk": reasons[family.number % len(reasons)]}

    def _nik_date(self, _: Family, person: Person) -> Cells:
        if self.rng.random() < 0.5:
            return {NIK: f"{person.nik[:8]}{self.rng.randint(13, 19)}{person.nik[10:]}"}
        day = self.rng.choice((0, 32, 35, 39, 40, 72, 81))
        return {NIK: f"{person.nik[:6]}{day:02d}{person.nik[8:]}"}

    def _birth_date_impossible(self, _: Family, person: Person) -> Cells:
        return {BORN: f"{person.born.year}-{self.rng.choice(('02-30', '02-31', '06-31', '13-05'))}"}

    def _birth_date_future(self, _: Family, person: Person) -> Cells:
        return {BORN: f"{person.born.year + 100}-{person.born:%m}-{min(person.born.day, 28):02d}"}

    def _name_empty(self, _: Family, __: Person) -> Cells:
        return {NAME: ""}

    def _region_unknown(self, family: Family, _: Person) -> Cells:
        return {REGION: f"{family.kecamatan}.{self.rng.randint(1090, 1099)}"}

    def _region_bps(self, family: Family, _: Person) -> Cells:
        return {REGION: f"{_BPS_KECAMATAN[family.kecamatan]}{family.region[-3:]}"}

    def _region_outside(self, _: Family, __: Person) -> Cells:
        return {REGION: self.rng.choice(self.places.elsewhere)}

    def _nik_birth_differs(self, family: Family, person: Person) -> Cells:
        other = person.born.replace(year=person.born.year - 1, day=self.rng.randint(1, 28))
        return {NIK: self.numbers.person(family.kecamatan, other, person.sex)}

    def _nik_sex_differs(self, family: Family, person: Person) -> Cells:
        return {NIK: self.numbers.person(family.kecamatan, person.born, "L" if person.sex == "P" else "P")}

    def _old_prefix(self, _: Family, person: Person) -> Cells:
        return {NIK: self.numbers.person(self.rng.choice(OLD_KECAMATAN), person.born, person.sex)}


_SPOILERS: Final[dict[Fault, Callable[[Clerk, Family, Person], Cells]]] = {
    Fault.NIK_SCIENTIFIC: Clerk._nik_scientific,
    Fault.KK_SCIENTIFIC: Clerk._kk_scientific,
    Fault.SPREADSHEET_RUN: Clerk._spreadsheet_run,
    Fault.SWAPPED: Clerk._swapped,
    Fault.NIK_LENGTH: Clerk._nik_length,
    Fault.NIK_LETTER: Clerk._nik_letter,
    Fault.NIK_MISSING: Clerk._nik_missing,
    Fault.NIK_ABSENT: Clerk._nik_absent,
    Fault.KK_MISSING: Clerk._kk_missing,
    Fault.WITHOUT_CARD: Clerk._without_card,
    Fault.NIK_DATE: Clerk._nik_date,
    Fault.BIRTH_DATE_IMPOSSIBLE: Clerk._birth_date_impossible,
    Fault.BIRTH_DATE_FUTURE: Clerk._birth_date_future,
    Fault.NAME_EMPTY: Clerk._name_empty,
    Fault.REGION_UNKNOWN: Clerk._region_unknown,
    Fault.REGION_BPS: Clerk._region_bps,
    Fault.REGION_OUTSIDE: Clerk._region_outside,
    Fault.NIK_BIRTH_DIFFERS: Clerk._nik_birth_differs,
    Fault.NIK_SEX_DIFFERS: Clerk._nik_sex_differs,
    Fault.OLD_PREFIX: Clerk._old_prefix,
}
