"""The figures of the Samarinda story, and the same story made smaller.

Sources. S001: the city's article of 5 December 2022. Press 2023: on the list as received and the visits. Press 2025:
on the wider register. What no source says is an assumption and says so; every assumption may be changed here and
nowhere else. ``CITY`` is the full size; ``scaled`` keeps all proportions and at least one of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from local.register.rates import Fault

AS_OF: Final = date(2022, 11, 30)
"""The state the files describe: the list reached the city in December 2022 (S001). Nobody is born after it."""

CITY_CODE: Final = "64.72"
FAMILIES_MIN: Final = 100
"""Below this the ten kecamatan cannot each have a family and every fault an instance."""

_MOST: Final = "64.72.05"
"""Samarinda Utara, the kecamatan with the most persons of the list (S001)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a pair of files must add up to. Persons are rows; families are family cards of the sending register."""

    families: int
    persons: int
    cohort_families: int
    cohort_by_kecamatan: Mapping[str, int]
    families_rejected: int
    persons_rejected: int
    unmatched: int
    died: int
    moved: int
    not_found: int
    damaged: Mapping[Fault, int]
    duplicates: Mapping[Fault, int]
    payments_failing: int
    persons_in_cash_line: int
    houses_in_line: int

    @property
    def cohort_persons(self) -> int:
        """Rows of the closed list: the baseline."""
        return sum(self.cohort_by_kecamatan.values())

    @property
    def persons_unconfirmed(self) -> int:
        """Persons of confirmed families who are not confirmed themselves."""
        named = self.unmatched + self.died + self.moved + self.not_found
        return named + sum(self.damaged.values()) + sum(self.duplicates.values())

    @property
    def persons_confirmed(self) -> int:
        """Persons who are confirmed, all of them in confirmed families."""
        return self.cohort_persons - self.persons_rejected - self.persons_unconfirmed


CITY: Final = Figures(
    families=8_900,  # assumption: the cohort's 1,600 and 7,300 more, 4.86 persons each
    persons=44_524,  # press 2025
    cohort_families=1_600,  # press 2023
    cohort_by_kecamatan={  # S001 gives Samarinda Utara and the total (9,032: press 2023); the others are an assumption
        "64.72.01": 702,
        "64.72.02": 846,
        "64.72.03": 1_068,
        "64.72.04": 865,
        _MOST: 1_587,
        "64.72.06": 1_141,
        "64.72.07": 794,
        "64.72.08": 848,
        "64.72.09": 423,
        "64.72.10": 758,
    },
    families_rejected=144,  # 1,600 less the 1,456 confirmed (press 2023)
    persons_rejected=810,  # assumption; with the next six it leaves the 6,973 confirmed of press 2023
    unmatched=265,  # press 2025: without a civil-registry match; that they stand in the closed list is an assumption
    died=212,
    moved=391,
    not_found=201,
    damaged={
        Fault.NIK_SCIENTIFIC: 12,
        Fault.KK_SCIENTIFIC: 6,
        Fault.SWAPPED: 8,
        Fault.NIK_LENGTH: 7,
        Fault.NIK_MISSING: 6,
        Fault.NIK_DATE: 4,
        Fault.BIRTH_DATE_IMPOSSIBLE: 4,
        Fault.NAME_EMPTY: 1,
    },
    duplicates={Fault.TWO_CARDS: 52, Fault.OTHER_NAME: 32, Fault.TYPO: 48},
    payments_failing=21,  # assumption: families whose account the bank refuses
    persons_in_cash_line=9_000,  # S001: 9 ribu orang; the fund line of the cash aid holds 300,000 rupiah for each
    houses_in_line=50,  # assumption: the line of the house repair holds 20,000,000 rupiah for each
)
"""The full size. 9,032 entries = 810 rejected + 1,249 not confirmed in confirmed families + 6,973 confirmed."""


def scaled(families: int) -> Figures:
    """The same city with ``families`` families: every count in proportion, every kind of fault at least once.

    Raises ValueError below ``FAMILIES_MIN`` or above the full size.
    """
    if not FAMILIES_MIN <= families <= CITY.families:
        raise ValueError(f"families must be between {FAMILIES_MIN} and {CITY.families}")
    if families == CITY.families:
        return CITY
    share = families / CITY.families

    def part(count: int) -> int:
        return max(1, round(count * share))

    by_kecamatan = apportion(part(CITY.cohort_persons), CITY.cohort_by_kecamatan)
    return Figures(
        families=families,
        persons=part(CITY.persons),
        cohort_families=part(CITY.cohort_families),
        cohort_by_kecamatan=by_kecamatan,
        families_rejected=part(CITY.families_rejected),
        persons_rejected=part(CITY.persons_rejected),
        unmatched=part(CITY.unmatched),
        died=part(CITY.died),
        moved=part(CITY.moved),
        not_found=part(CITY.not_found),
        damaged={fault: part(count) for fault, count in CITY.damaged.items()},
        duplicates={fault: part(count) for fault, count in CITY.duplicates.items()},
        payments_failing=part(CITY.payments_failing),
        persons_in_cash_line=part(CITY.persons_in_cash_line),
        houses_in_line=part(CITY.houses_in_line),
    )


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Divide ``total`` by weight (largest remainders; ties go to the earlier key), exactly and at least one each."""
    if total < len(weights):
        raise ValueError(f"{total} cannot be divided among {len(weights)}")
    whole = sum(weights.values())
    quotas = {key: divmod(total * weight, whole) for key, weight in weights.items()}
    shares = {key: quotient for key, (quotient, _) in quotas.items()}
    for key in sorted(quotas, key=lambda key: -quotas[key][1])[: total - sum(shares.values())]:
        shares[key] += 1
    for key in [key for key, share in shares.items() if share == 0]:
        shares[key] += 1
        shares[max(shares, key=lambda key: shares[key])] -= 1
    return shares
