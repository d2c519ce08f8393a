"""Chapter 2: every family of the list is visited, and two people decide on each."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid5

from local.story.cast import DINSOS, HEARD_WITHIN_S, Cast, Household
from local.story.desk import Json
from local.story.patience import each, until
from local.story.truth import Listed
from shared.security.roles import Role

Thing = TypeVar("Thing")

LOOKS_MAX = 200
VISITS_MAX = 100
DECISIONS_MAX = 200
CASES_MAX = 500


async def play(cast: Cast) -> None:
    async with cast.chapter("visits", "Every family of the list is visited."):
        cases = await _cases(cast)
        await _assign(cast)
        await _learn_who_they_are(cast, cases)
        moment = cast.move_to("2022-12-14", hour=15)
        await _visit(cast, moment)
    async with cast.chapter("decisions", "A second person decides on each family."):
        cast.move_to("2022-12-16")
        await _decide(cast)


async def _cases(cast: Cast) -> list[Json]:
    """All cases, once verification has heard of the whole list."""
    supervisor = cast.desk("verification", DINSOS, "penyelia-verifikasi")
    wanted = len(cast.truth.families)
    async with cast.bar("families of the list", wanted) as show:

        async def look() -> int:
            places = (await supervisor.get("/api/v1/progress", region="64.72"))["places"]
            opened = sum(int(place["cases"]) for place in places)
            show(opened)
            return opened

        await until(look, lambda opened: opened >= wanted, "a case per family of the list", within_s=HEARD_WITHIN_S)
    cases: list[Json] = []
    after: str | None = None
    while True:
        page = await supervisor.get("/api/v1/cases", after=after, limit=CASES_MAX)
        cases += page["cases"]
        after = page["next"]
        if after is None:
            return cases


async def _assign(cast: Cast) -> None:
    """Each kecamatan has its field workers."""
    supervisor = cast.desk("verification", DINSOS, "penyelia-verifikasi")
    workers = [{"region": kecamatan, "officer": subject} for kecamatan, subject in field_workers(cast).items()]
    await supervisor.post("/api/v1/assignments", {"assignments": workers})


def field_workers(cast: Cast) -> dict[str, str]:
    """Kecamatan → who visits there."""
    return {
        person.regions[0]: person.subject
        for person in cast.people().people()
        if person.agency == DINSOS and Role.FIELD_VERIFIER in person.roles and len(person.regions[0]) == len("64.72.05")
    }


async def _learn_who_they_are(cast: Cast, cases: Sequence[Json]) -> None:
    """Before a visit one looks up whom one will meet; intake records each look with its purpose."""
    rows, families = _register_rows(cast)
    worker = cast.desk("intake", DINSOS, "petugas-verifikasi-1")
    by_household = {UUID(case["household_id"]): case for case in cases}

    async def look(part: Sequence[UUID]) -> list[Json]:
        async def ask() -> Json:
            ids = [str(each) for each in part]
            # Asked anew until intake has heard that verification opened the cases.
            return await worker.post(
                "/api/v1/identity/looks/list",
                {"household_ids": ids, "purpose": "home-visit"},
                key=str(next(attempts)),
            )

        attempts = iter(range(10_000))
        answer = await until(ask, lambda answer: not answer["refused"], "open cases", within_s=HEARD_WITHIN_S)
        found: list[Json] = answer["items"]
        return found

    for part in await each(_parts(list(by_household), LOOKS_MAX), look, at_once=2):
        for identity in part:
            known = {UUID(member["member_id"]): rows[member["nik"]] for member in identity["members"]}
            family = cast.truth.families[families[next(iter(known.values()))]]
            household = UUID(identity["household_id"])
            case_id = UUID(by_household[household]["case_id"])
            cast.households[household] = Household(household, family, case_id, known)


def _register_rows(cast: Cast) -> tuple[dict[str, int], dict[int, str]]:
    """NIK → row of the sent file, and row → family: what the sender knows of its own file.

    A number that stands twice belongs to the earlier row; the later one was held.
    """
    rows: dict[str, int] = {}
    families: dict[int, str] = {}
    with (cast.files / "register.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["nik"], int(row["no_urut"]))
            families[int(row["no_urut"])] = row["id_keluarga"]
    return rows, families


async def _visit(cast: Cast, moment: datetime) -> None:
    by_kecamatan: dict[str, list[Household]] = defaultdict(list)
    for household in cast.households.values():
        by_kecamatan[household.family.region[:8]].append(household)
    workers = field_workers(cast)
    done = 0
    async with cast.bar("visits", len(cast.households)) as show:

        async def send(part: tuple[str, Sequence[Household]]) -> None:
            nonlocal done
            kecamatan, households = part
            desk = cast.desk_of("verification", DINSOS, workers[kecamatan])
            visits = [visit_of(household, household.case_id, moment) for household in households]
            answer = await desk.post("/api/v1/visits:batch", {"visits": visits})
            expect_all(answer, "visits")
            done += len(households)
            show(done)

        parts = [(place, part) for place, found in by_kecamatan.items() for part in _parts(found, VISITS_MAX)]
        await each(parts, send, at_once=3)


def visit_of(household: Household, case_id: UUID, moment: datetime) -> Json:
    """What was found at a family's door, as the field worker's phone sends it."""
    family = household.family
    found = {member.register_row: member for member in family.members}
    outcomes = [
        {"member_id": str(member), "outcome": _outcome(found[row])} for member, row in household.member_rows.items()
    ]
    # A photo stays with the agency; here a digest stands for one, a different one for each house.
    photo = hashlib.sha256(f"photo of {household.id} on {moment.date()}".encode()).hexdigest()
    visit: dict[str, Any] = {
        "id": str(uuid5(case_id, "visit")),
        "case_id": str(case_id),
        "questionnaire": "p3ke-visit-1",
        "visited_on": moment.date().isoformat(),
        "answers": family.answers,
        "outcomes": outcomes,
        "evidence": [{"sha256": photo, "captured_at": moment.replace(hour=10).isoformat()}],
    }
    if family.answers is None:
        visit["no_answer_reason"] = family.reason
    return visit


def _outcome(member: Listed) -> str:
    """What the visit found; a member whom nothing is written about was at home."""
    return member.outcome or "confirmed"


async def _decide(cast: Cast) -> None:
    head = cast.desk("verification", DINSOS, "kepala-bidang-verifikasi")
    decisions = [_decision(household) for household in cast.households.values()]
    done = 0
    async with cast.bar("decisions", len(decisions)) as show:

        async def send(part: Sequence[Json]) -> None:
            nonlocal done
            left, tries = list(part), count()

            async def decide() -> int:
                nonlocal left
                answer = await head.post("/api/v1/decisions:batch", {"decisions": left}, key=str(next(tries)))
                expect_all({"results": [each for each in answer["results"] if not _is_too_early(each)]}, "decisions")
                early = {each["case_id"] for each in answer["results"] if _is_too_early(each)}
                left = [decision for decision in left if decision["case_id"] in early]
                return len(left)

            await until(decide, lambda early: early == 0, "answers about duplicates", within_s=HEARD_WITHIN_S)
            done += len(part)
            show(done)

        await each(list(_parts(decisions, DECISIONS_MAX)), send, at_once=2)


def _decision(household: Household) -> Json:
    if household.family.is_verified:
        return {"case_id": str(household.case_id), "decision": "verified"}
    return {"case_id": str(household.case_id), "decision": "rejected", "reasons": [household.family.reason]}


def _is_too_early(result: Json) -> bool:
    """Whether verification has not heard yet what intake decided about a duplicate: intake may tell it late."""
    return [each["code"] for each in result.get("errors", ())] == ["duplicate-question-open"]


def expect_all(answer: Json, what: str) -> None:
    """Raises RuntimeError where an item of a list was refused."""
    refused = [each for each in answer["results"] if each["result"] == "refused"]
    if refused:
        raise RuntimeError(f"{len(refused)} {what} refused, e.g. {refused[0]}")


def _parts(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
