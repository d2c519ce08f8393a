"""Person number (NIK) and family-card number (KK): what sixteen digits can and cannot be.

The structure is that of PP 40/2019: six digits of region, six of a date, four of a serial; the day of birth carries 40
more for women. A number is for life and is not corrected when its date or sex digits are wrong (art. 30), so that a
difference from the record only warns, while a number that cannot exist refuses. Nothing is ever repaired in silence.
``lokal-id`` reads the structure; what surrounds the digits, and what the findings mean, is decided here.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from lokal.nik import NikInfo, parse_nik
from lokal.provinces import PROVINCES
from lokal.wilayah import wilayah_name

from services.intake.rules.findings import Finding, is_refused, refusal, warning

Sex = Literal["male", "female"]

# A spreadsheet keeps fifteen digits: a number of sixteen comes back as 6.47E+15, or with its last digits as zeros.
_SCIENTIFIC: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE][+]?[0-9]{1,2}")
_SURROUNDINGS: Final = re.compile(r"[\s.\-\u00a0\u200b\u2010-\u2013]")
_QUOTES: Final = "'`‘’\u00b4"
_NOTHING: Final = frozenset({"", "0", "-", "null", "nan", "na", "n/a", "none", "tidakada", "belumada", "tidakpunya"})
_PLACEHOLDERS: Final = frozenset({*(digit * 16 for digit in "0123456789"), "1234567890123456", "0123456789012345"})
_LENGTH: Final = 16
_WOMEN: Final = 40
_CACHED_MAX: Final = 65_536
"""Dates and regions of a register; each alone says nothing of a person."""


class CivilNumber(NamedTuple):
    """What was typed in place of a number. ``digits`` is None where there is no number to search or store by."""

    digits: str | None
    findings: tuple[Finding, ...] = ()
    month_and_year: str = ""
    """MMYY of the date inside, and its day without the 40; empty where the date is impossible."""
    day: int = 0
    sex: Sex | None = None

    @property
    def is_missing(self) -> bool:
        return self.digits is None and not self.findings


def read_person_number(typed: str, *, today: date) -> CivilNumber:
    """A NIK as typed. Missing and damaged are told apart: a missing number has no findings and no digits."""
    digits, findings = _digits_of(typed, "nik", "nik")
    if digits is None:
        return CivilNumber(None, findings)
    impossible, odd = _issued_in(digits[:6])
    impossible += _born_on(digits[6:12], today)
    if digits[12:] == "0000":
        impossible += (_NIK_SERIAL_ZERO,)
    if impossible:
        return CivilNumber(None, impossible + odd)
    day = int(digits[6:8])
    sex: Sex = "female" if day > _WOMEN else "male"
    return CivilNumber(digits, odd, digits[8:12], day % _WOMEN, sex)


def read_card_number(typed: str, *, today: date) -> CivilNumber:
    """A KK as typed. Its date is the day of recording: never above 31, never ahead."""
    digits, findings = _digits_of(typed, "kk", "nomor_kartu_keluarga")
    if digits is None:
        return CivilNumber(None, findings)
    recorded = _day_of_recording(digits[6:12])
    found: tuple[Finding, ...] = ()
    if digits[:2] not in PROVINCES:
        found += (_KK_PROVINCE_UNKNOWN,)
    if recorded is None:
        found += (_KK_DATE_IMPOSSIBLE,)
    if digits[12:] == "0000":
        found += (_KK_SERIAL_ZERO,)
    if recorded is not None and recorded >= today:
        found += (_KK_DATE_NOT_PAST,)
    if found and is_refused(found):
        return CivilNumber(None, found)
    return CivilNumber(digits, found, digits[8:12], int(digits[6:8]))


def differences(number: CivilNumber, born: date | None, sex: Sex | None) -> list[Finding]:
    """Where a sound NIK says otherwise than the record (PP 40/2019 art. 30: the record counts, the number stays)."""
    found = []
    if number.digits and born is not None and not encodes(number, born):
        found.append(warning("nik-birth-date-differs", "nik"))
    if number.digits and sex is not None and number.sex != sex:
        found.append(warning("nik-sex-differs", "nik"))
    return found


def encodes(number: CivilNumber, born: date) -> bool:
    """Whether the date inside a number is that birth date; the century is not in the number."""
    return number.day == born.day and number.month_and_year == _month_and_year(born)


def looks_like_person_number(typed: str, born: date | None, sex: Sex | None) -> bool:
    """Whether sixteen digits carry just this person's birth date and sex, as a card number does by accident only."""
    digits = _plain(typed)
    if born is None or sex is None or len(digits) != 16 or not digits.isdecimal():
        return False
    day = born.day + (_WOMEN if sex == "female" else 0)
    return digits[6:12] == f"{day:02d}{_month_and_year(born)}"


def plain_digits(typed: str) -> str:
    """What was typed, without what people and programs put around digits; for comparing damaged cells."""
    return _plain(typed)


@lru_cache(maxsize=_CACHED_MAX)
def _month_and_year(born: date) -> str:
    return f"{born.month:02d}{born.year % 100:02d}"


def _digits_of(typed: str, number: str, field: str) -> tuple[str | None, tuple[Finding, ...]]:
    if len(typed) == _LENGTH and typed.isascii() and typed.isdecimal() and typed not in _PLACEHOLDERS:
        return typed, ()
    text = typed.strip().strip(_QUOTES).strip()
    if _SCIENTIFIC.fullmatch(text):
        return None, (refusal(f"{number}-scientific-notation", field),)
    digits = _plain(text)
    if digits.casefold() in _NOTHING:
        return None, ()
    if digits in _PLACEHOLDERS:
        return None, (refusal(f"{number}-placeholder", field),)
    if not (digits.isascii() and digits.isdecimal()):
        return None, (refusal(f"{number}-not-digits", field),)
    if len(digits) != _LENGTH:
        return None, (refusal(f"{number}-length", field),)
    return digits, ()


def _plain(typed: str) -> str:
    if typed.isascii() and typed.isdecimal():
        return typed
    return _SURROUNDINGS.sub("", typed.strip().strip(_QUOTES))


@lru_cache(maxsize=_CACHED_MAX)
def _issued_in(six_digits: str) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What is impossible and what is odd about the region in a NIK: few regions issue all numbers of a file."""
    read = parse_nik(f"{six_digits}0101000001", reference_date=date(2000, 1, 1))
    unknown = read.province and wilayah_name(f"{six_digits[:2]}.{six_digits[2:4]}.{six_digits[4:]}") is None
    return _refusals_of(read), (_NIK_DISTRICT_UNKNOWN,) if unknown else ()


@lru_cache(maxsize=_CACHED_MAX)
def _born_on(six_digits: str, today: date) -> tuple[Finding, ...]:
    """What is impossible about the date in a NIK: a lifetime has fewer days than a register has people."""
    return _refusals_of(parse_nik(f"110101{six_digits}0001", reference_date=today))


def _refusals_of(read: NikInfo) -> tuple[Finding, ...]:
    return tuple(_REFUSED_BY_LOKAL[issue.code] for issue in read.errors)


@lru_cache(maxsize=_CACHED_MAX)
def _day_of_recording(six_digits: str) -> date | None:
    try:
        # Family cards of this form are younger than 2000, so that the century is known.
        return date(2000 + int(six_digits[4:]), int(six_digits[2:4]), int(six_digits[:2]))
    except ValueError:
        return None


_KK_PROVINCE_UNKNOWN: Final = refusal("kk-province-unknown", "nomor_kartu_keluarga")
_KK_DATE_IMPOSSIBLE: Final = refusal("kk-date-impossible", "nomor_kartu_keluarga")
_KK_SERIAL_ZERO: Final = refusal("kk-serial-zero", "nomor_kartu_keluarga")
_KK_DATE_NOT_PAST: Final = warning("kk-date-not-past", "nomor_kartu_keluarga")
_NIK_DISTRICT_UNKNOWN: Final = warning("nik-district-unknown", "nik")
_NIK_SERIAL_ZERO: Final = refusal("nik-serial-zero", "nik")
_REFUSED_BY_LOKAL: Final = {
    "province": refusal("nik-province-unknown", "nik"),
    "wilayah": refusal("nik-district-impossible", "nik"),
    "birth_date": refusal("nik-date-impossible", "nik"),
}
