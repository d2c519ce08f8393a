"""``answers.json``: the truth behind the files, for the story and for tests; never imported.

It names nobody: families by their id in the sending register, rows by ``no_urut``. Shapes are the TypedDicts below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from local.register.closed_list import ClosedList
from local.register.families import Family
from local.register.figures import AS_OF, Figures
from local.register.planting import Ledger
from local.register.rates import RATE_OF, Fault, Treatment
from local.register.visits import Answers, Visit


class Member(TypedDict):
    """One entry of the closed list."""

    register_row: int
    cohort_row: int
    at_intake: str
    """member, duplicate, damaged or unmatched."""
    outcome: str | None
    """confirmed, died, moved, not-found, duplicate, unmatched; None where there is no member to look for."""
    fault: str | None


class CohortFamily(TypedDict):
    """One family of the closed list."""

    id: str
    region: str
    result: str
    """verified or rejected."""
    reason: str | None
    """Why it is rejected."""
    confirmed: int
    """Persons who are entitled."""
    members: list[Member]
    answers: Answers | None
    """Answers to the visit form; None where nobody answered, for ``reason``."""
    later: dict[str, Any]
    """``visits.Later``."""


class FaultyRow(TypedDict):
    """A row of register.csv with a planted fault, and what an importer is to do with it."""

    row: int
    id_keluarga: str
    fault: str
    treatment: str
    reason: str | None
    copies_row: int | None


def answers(
    seed: int,
    figures: Figures,
    families: Sequence[Family],
    closed: ClosedList,
    visits: dict[int, Visit],
    ledger: Ledger,
) -> dict[str, Any]:
    """The whole document, ready for JSON."""
    rows = _row_numbers(families)
    faulty = list(_faulty(families, ledger, rows))
    described = list(_cohort(closed, visits, ledger, rows))
    return {
        "seed": seed,
        "as_of": AS_OF.isoformat(),
        "figures": asdict(figures),
        "register": _register_expected(figures, families, ledger, faulty),
        "cohort": _cohort_expected(figures, closed, described),
        "faulty_rows": faulty,
        "families": described,
    }


def _row_numbers(families: Sequence[Family]) -> dict[int, int]:
    """Family number → number of its first row, from 1."""
    first: dict[int, int] = {}
    row = 1
    for family in families:
        first[family.number] = row
        row += len(family.members)
    return first


def _faulty(families: Sequence[Family], ledger: Ledger, rows: dict[int, int]) -> Iterator[FaultyRow]:
    for family in families:
        for place in range(len(family.members)):
            planted = ledger.by_spot.get((family.number, place))
            if planted is None:
                continue
            rate = RATE_OF[planted.fault]
            yield FaultyRow(
                row=rows[family.number] + place,
                id_keluarga=family.id,
                fault=planted.fault,
                treatment=rate.treatment,
                reason=rate.reason,
                copies_row=rows[planted.twin[0]] + planted.twin[1] if planted.twin else None,
            )


def _register_expected(
    figures: Figures, families: Sequence[Family], ledger: Ledger, faulty: Sequence[FaultyRow]
) -> dict[str, Any]:
    """What an import of register.csv must report."""
    treated = Counter(row["treatment"] for row in faulty)
    rejected = Counter(row["reason"] for row in faulty if row["treatment"] == Treatment.REJECT)
    heads = [ledger.by_spot.get((family.number, 0)) for family in families]
    lost = sum(head is not None and head.fault is Fault.SPREADSHEET_RUN for head in heads)
    without_card = sum(head is not None and head.fault is Fault.WITHOUT_CARD for head in heads)
    return {
        "rows": figures.persons,
        "families": figures.families,
        "rejected": treated[Treatment.REJECT],
        "rejected_by_reason": dict(sorted((str(reason), count) for reason, count in rejected.items())),
        "held": treated[Treatment.HOLD],
        "warned": treated[Treatment.WARN],
        "persons_registered": figures.persons - treated[Treatment.REJECT] - treated[Treatment.HOLD],
        "families_registered": figures.families - lost,
        "families_without_card": without_card,
    }


def _cohort(
    closed: ClosedList, visits: dict[int, Visit], ledger: Ledger, rows: dict[int, int]
) -> Iterator[CohortFamily]:
    cohort_row = 0
    for family in closed.families:
        members: list[Member] = []
        for place in range(len(family.members)):
            cohort_row += 1
            spot = (family.number, place)
            planted = ledger.by_spot.get(spot)
            outcome = closed.outcome[spot]
            members.append(
                Member(
                    register_row=rows[family.number] + place,
                    cohort_row=cohort_row,
                    at_intake=closed.resolution[spot],
                    outcome=outcome,
                    fault=planted.fault if planted else None,
                )
            )
        visit = visits[family.number]
        yield CohortFamily(
            id=family.id,
            region=family.region,
            result="rejected" if family.number in closed.rejected else "verified",
            reason=closed.rejected.get(family.number),
            confirmed=closed.confirmed(family),
            members=members,
            answers=visit.answers,
            later=asdict(visit.later),
        )


def _cohort_expected(figures: Figures, closed: ClosedList, described: Sequence[CohortFamily]) -> dict[str, Any]:
    """What the closed list must come to: at intake, and after the visits."""
    verified = [family for family in described if family["result"] == "verified"]
    within = Counter(member["outcome"] or member["at_intake"] for family in verified for member in family["members"])
    return {
        "baseline_persons": figures.cohort_persons,
        "baseline_families": figures.cohort_families,
        "by_kecamatan": dict(figures.cohort_by_kecamatan),
        "by_region": dict(sorted(_persons_by_region(closed).items())),
        "resolved": dict(sorted(Counter(str(outcome) for outcome in closed.resolution.values()).items())),
        "families_verified": len(verified),
        "families_rejected": len(described) - len(verified),
        "persons_rejected": sum(len(family["members"]) for family in described if family["result"] == "rejected"),
        "persons_in_verified_families": dict(sorted(within.items())),
        "persons_confirmed": within["confirmed"],
        "buckets": dict(sorted(Counter(_bucket(family, m) for family in described for m in family["members"]).items())),
    }


def _bucket(family: CohortFamily, member: Member) -> str:
    """Where the board must show an entry once every case is decided; ``confirmed`` is waiting and served together.

    The list's own word about the row comes first, then what was found of the person, then the family's verdict.
    """
    if member["at_intake"] != "member":
        return member["at_intake"]
    if member["outcome"] != "confirmed":
        return "unmatched" if member["outcome"] == "not-found" else str(member["outcome"])
    return "confirmed" if family["result"] == "verified" else "ineligible"


def _persons_by_region(closed: ClosedList) -> Counter[str]:
    counted: Counter[str] = Counter()
    for family in closed.families:
        counted[family.region] += len(family.members)
    return counted
