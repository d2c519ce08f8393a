"""The faults that real registers have, how often the files carry them, and what an importer is to do with each.

An audit of the national register (BPK, 2020-21) found 10.9 million invalid person numbers, 16.4 million invalid
family-card numbers, 86,465 duplicates and 5,702 empty names; the register's own cleaning counted 1.06 million
duplicate numbers among 97 million. By May 2024 98.9 % of the records matched the civil registry. The files are of
that later kind: about 1.1 % of the wider register's rows are refused or held. How the 1.1 % divides over the kinds is
an assumption, in the order of the audit's findings. The closed list has counts of its own (``figures.CITY``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """A kind of fault. The docstring of each says what it looks like."""

    NIK_SCIENTIFIC = "nik-scientific"
    """A spreadsheet turned the person number into ``6.47E+15``."""
    KK_SCIENTIFIC = "kk-scientific"
    """The same on the family-card number of one row."""
    SPREADSHEET_RUN = "spreadsheet-run"
    """A family retyped in a spreadsheet: sixteen digits do not fit, so every number of it ends in 0."""
    SWAPPED = "nik-kk-swapped"
    """Person number and family-card number stand in each other's column."""
    NIK_LENGTH = "nik-length"
    """A digit is missing or typed twice."""
    NIK_LETTER = "nik-letter"
    """The letter O in place of a zero."""
    NIK_MISSING = "nik-missing"
    """No person number and no reason."""
    NIK_ABSENT = "nik-absent"
    """No person number, with a coded reason: the person is registered."""
    KK_MISSING = "kk-missing"
    """One row of a family without its card number and without a reason."""
    WITHOUT_CARD = "without-card"
    """A household without a family card, with a coded reason on every row: it is registered and counted apart."""
    NIK_DATE = "nik-date-impossible"
    """The digits of the birth date in the person number are no date."""
    BIRTH_DATE_IMPOSSIBLE = "birth-date-impossible"
    """The recorded birth date is no date, such as 30 February."""
    BIRTH_DATE_FUTURE = "birth-date-in-future"
    """The recorded birth date lies ahead: the century was guessed wrongly."""
    NAME_EMPTY = "name-empty"
    """No name."""
    REGION_UNKNOWN = "region-unknown"
    """A kelurahan that does not exist."""
    REGION_BPS = "region-bps"
    """The code of the statistics office in place of Kemendagri's."""
    REGION_OUTSIDE = "region-outside"
    """A kelurahan of the neighbouring city."""
    OTHER_NAME = "duplicate-other-name"
    """The person number of somebody else: one number, two names."""
    TWO_CARDS = "duplicate-two-cards"
    """One person on two family cards: married, with a card of their own, and still on the parents' card."""
    TYPO = "duplicate-typo"
    """One person on the lists of two kelurahan after a move, once with a wrong digit. No exact check sees it."""
    NIK_BIRTH_DIFFERS = "nik-birth-differs"
    """The number carries another birth date than the record. Numbers are never corrected, so this only warns."""
    NIK_SEX_DIFFERS = "nik-sex-differs"
    """The number carries the other sex than the record. Only warns."""
    OLD_PREFIX = "nik-old-prefix"
    """A number issued under a code that has gone to another province (64.73). Valid for life."""


class Treatment(StrEnum):
    """What an importer is to do with the row."""

    REJECT = "rejected"
    HOLD = "held"
    WARN = "warned"
    REGISTER = "registered"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a fault occurs in the wider register, and its treatment with the importer's reason code."""

    fault: Fault
    per_mille: float
    treatment: Treatment
    reason: str | None
    of_families: bool = False
    """The rate counts families, and every row of the family carries the fault."""


RATES: Final[tuple[Rate, ...]] = (
    Rate(Fault.NIK_SCIENTIFIC, 1.6, Treatment.REJECT, "nik-scientific-notation"),
    Rate(Fault.KK_SCIENTIFIC, 0.8, Treatment.REJECT, "kk-scientific-notation"),
    Rate(Fault.SPREADSHEET_RUN, 0.8, Treatment.REJECT, "nik-last-digits-lost", of_families=True),
    Rate(Fault.SWAPPED, 0.9, Treatment.REJECT, "nik-and-kk-swapped"),
    Rate(Fault.NIK_LENGTH, 1.2, Treatment.REJECT, "nik-length"),
    Rate(Fault.NIK_LETTER, 0.3, Treatment.REJECT, "nik-not-digits"),
    Rate(Fault.NIK_MISSING, 0.8, Treatment.REJECT, "nik-missing"),
    Rate(Fault.NIK_ABSENT, 2.0, Treatment.REGISTER, None),
    Rate(Fault.KK_MISSING, 0.4, Treatment.REJECT, "kk-missing"),
    Rate(Fault.WITHOUT_CARD, 5.0, Treatment.REGISTER, None, of_families=True),
    Rate(Fault.NIK_DATE, 0.5, Treatment.REJECT, "nik-date-impossible"),
    Rate(Fault.BIRTH_DATE_IMPOSSIBLE, 0.4, Treatment.REJECT, "birth-date-impossible"),
    Rate(Fault.BIRTH_DATE_FUTURE, 0.2, Treatment.REJECT, "birth-date-in-future"),
    Rate(Fault.NAME_EMPTY, 0.06, Treatment.REJECT, "name-empty"),  # 5,702 of 97 million
    Rate(Fault.REGION_UNKNOWN, 0.3, Treatment.REJECT, "region-unknown"),
    Rate(Fault.REGION_BPS, 0.3, Treatment.REJECT, "region-unknown"),
    Rate(Fault.REGION_OUTSIDE, 0.2, Treatment.REJECT, "region-outside"),
    Rate(Fault.OTHER_NAME, 0.9, Treatment.HOLD, "nik-duplicate"),  # 86,465 of 97 million, found by number alone
    Rate(Fault.TWO_CARDS, 1.1, Treatment.HOLD, "nik-duplicate"),
    Rate(Fault.TYPO, 1.0, Treatment.REGISTER, None),
    Rate(Fault.NIK_BIRTH_DIFFERS, 3.0, Treatment.WARN, "nik-birth-date-differs"),
    Rate(Fault.NIK_SEX_DIFFERS, 1.0, Treatment.WARN, "nik-sex-differs"),
    Rate(Fault.OLD_PREFIX, 6.0, Treatment.REGISTER, None),
)
"""Per thousand rows of the wider register, or per thousand of its families where the rate says so."""

RATE_OF: Final[dict[Fault, Rate]] = {rate.fault: rate for rate in RATES}


def planted(rate: Rate, rows: int, families: int) -> int:
    """How many rows (or families) of a wider register of this size carry the fault: the rounded share, at least one."""
    return max(1, round(rate.per_mille * (families if rate.of_families else rows) / 1000))
