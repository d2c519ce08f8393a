"""The judgement: reconcile over all deployments, and the clients' journal against the tables."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from shared.events.intake import HouseholdRegistered
from shared.messaging.reconcile import Report, differing_totals, reconcile
from shared.serve import find_service
from tests.drills import handled
from tests.drills.announced import Announced
from tests.drills.journal import Entry
from tests.drills.load import DINSOS
from tests.drills.looking import opened
from tests.drills.profiles import NOTHING, last_said

if TYPE_CHECKING:
    from tests.drills.city import DrillCity
    from tests.drills.scene import Scene

Wrong = tuple[Literal["lost", "twice", "unexplained"], str]
ANY = "any id"
"""What a register file's acknowledgement says of each of its families."""
INTAKE, VERIFICATION, PROGRAMS = f"intake.{DINSOS}", f"verification.{DINSOS}", f"programs.{DINSOS}"


async def judge(city: DrillCity, scene: Scene) -> None:
    """Add to the scene's outcome what is wrong; call it when the city is settled."""
    announced = await city.announced()
    await _reconcile(city, scene)
    await _handled(city, scene, announced)
    await _register(city, scene, announced)
    await _registrations(city, scene)
    await _files(city, scene)
    await _decisions(city, scene)
    await _lists(city, scene)
    await _payments(city, scene)
    scene.outcome.events += announced.events
    scene.note("records", announced.records)
    scene.outcome.acknowledged = scene.journal.acknowledgements
    scene.outcome.unacknowledged = scene.journal.without_answer
    scene.note("acknowledged", dict(Counter(each.kind for each in scene.journal.entries if each.answer is not None)))


async def _reconcile(city: DrillCity, scene: Scene) -> None:
    async def report_of(name: str) -> Report:
        async with opened(city, name) as deployment:
            return await reconcile(deployment)

    reports = await asyncio.gather(*(report_of(name) for name in city.here()))
    findings = [each for report in reports for each in report.findings] + differing_totals(reports)
    outcome = scene.outcome
    for each in findings:
        setattr(outcome, each.kind, getattr(outcome, each.kind) + each.count)
        outcome.failed.append(f"reconcile: {each.kind} {each.count}: {each.where}")


async def _handled(city: DrillCity, scene: Scene, announced: Announced) -> None:
    """The handlers of one deployment took every numbered fact once, and those of a household in their order."""
    if city.notes is None:
        return
    async with city.database(city.notes) as connection:
        taken = await handled.wrong(connection)
        missing = await handled.missing(connection, announced, find_service(city.notes.partition(".")[0]).events)
    scene.note("handled_in_order", taken["handled"])
    scene.expect(taken["handled"], f"The handlers of {city.notes} wrote down what they took.")
    for kind, number in (("twice", taken["twice"]), ("out_of_order", taken["out_of_order"]), ("lost", len(missing))):
        if number:
            setattr(scene.outcome, kind, getattr(scene.outcome, kind) + number)
            types = dict(Counter(announced.facts[each].type for each in missing)) if kind == "lost" else ""
            scene.outcome.failed.append(f"{kind}: {number} facts handled by {city.notes} {types}")


async def _register(city: DrillCity, scene: Scene, announced: Announced) -> None:
    """What stands in the register was said, by a fact and a profile, and verification knows each household of it."""
    async with city.database(INTAKE) as connection:
        rows = await connection.fetch("select id, state, revision from household")
    if not rows:
        return
    async with city.database(VERIFICATION) as connection:
        known = {row["household_id"] for row in await connection.fetch("select household_id from household")}
    registered = HouseholdRegistered.full_type()
    said = {fact.key.decode() for fact, where in announced.facts.items() if where.type == registered}
    wanted = {str(row["id"]): row["revision"] if row["state"] == "active" else None for row in rows}
    heard = {str(each) for each in known}
    for kind, what in wrong_households(wanted, said, heard, await last_said(city)):
        _wrong(scene, kind, True, what)


def wrong_households(
    wanted: Mapping[str, int | None], said: Collection[str], heard: Collection[str], last: Mapping[str, int | None]
) -> Iterator[Wrong]:
    """What others know otherwise than the register.

    Args:
        wanted: the revision of each household of the register; None of one that left it.
        said: households whose registration was announced.
        heard: households that verification knows.
        last: the revision of each household that its profiles topic holds last; None for a tombstone.
    """
    for household, revision in wanted.items():
        if household not in said:
            yield "lost", f"household {household} stands in the register, and its registration was never announced"
        if household not in heard:
            yield "lost", f"household {household} is unknown to verification"
        if last.get(household, NOTHING) != revision:
            yield "lost", f"the profile of {household} ends with {last.get(household, NOTHING)}, not with {revision}"


async def _registrations(city: DrillCity, scene: Scene) -> None:
    """A family that was acknowledged stands once, under its id, with all its members; one that was refused nowhere;
    another once or not at all.
    """
    entries = [*scene.journal.of("registration"), *families_of_files(scene.journal.of("file"))]
    if not entries:
        return
    async with opened(city, INTAKE) as deployment:
        index = {each["nik"]: deployment.vault.blind_index("nik", each["nik"]) for each in _niks(entries)}
    async with city.database(INTAKE) as connection:
        rows = await connection.fetch("select nik_index, household_id from member where state = 'active'")
    holders: dict[bytes, list[str]] = {}
    for row in rows:
        holders.setdefault(bytes(row["nik_index"] or b""), []).append(str(row["household_id"]))
    for kind, what in wrong_families(entries, lambda nik: holders.get(index[nik], [])):
        _wrong(scene, kind, True, what)


def families_of_files(files: Iterable[Entry]) -> Iterator[Entry]:
    """The families of register files, each as a registration of its own; acknowledged where the file was."""
    for file in files:
        for niks in file.about.get("families", ()):
            yield Entry(file.number, "registration", {"niks": niks}, file.answer and ANY, file.refused)


def wrong_families(entries: Iterable[Entry], households_of: Callable[[str], Sequence[str]]) -> Iterator[Wrong]:
    """What the tables say otherwise than the clients' journal; by a person's number, the households that hold it."""
    for entry in entries:
        found = [households_of(nik) for nik in entry.about["niks"]]
        households = {household for each in found for household in each}
        if entry.answer is not None and not (households if entry.answer is ANY else households == {entry.answer}):
            yield "lost", f"registration {entry.number} was acknowledged as {entry.answer}, and is {sorted(households)}"
        if entry.refused is not None and households:
            yield (
                "unexplained",
                f"registration {entry.number} was refused ({entry.refused}), and is {sorted(households)}",
            )
        if len(households) > 1 or any(len(each) > 1 for each in found):
            yield "twice", f"family {entry.number} is {sorted(households)}"
        if households and not all(found):
            yield "lost", f"a part of family {entry.number}"


async def _files(city: DrillCity, scene: Scene) -> None:
    """Every file that was accepted was worked off to its last row, and none twice."""
    entries = list(scene.journal.of("file"))
    async with city.database(INTAKE) as connection:
        kept = await connection.fetch(
            "select id, state, rows, registered + known + held + rejected as told from import"
        )
    of_file = {str(row["id"]): row for row in kept}
    for entry in entries:
        row = of_file.get(entry.answer)
        whole = row is not None and row["state"] == "done" and row["rows"] == row["told"] == entry.about["rows"]
        _wrong(
            scene, "lost", entry.answer is not None and not whole, f"file {entry.number} of {entry.about['rows']} rows"
        )
    _wrong(scene, "twice", len(kept) > len(entries), f"{len(kept)} files, {len(entries)} were sent")


async def _decisions(city: DrillCity, scene: Scene) -> None:
    """Every visit and decision that was acknowledged stands; of no case there are two, acknowledged or not."""
    visits = [item["visit_id"] for entry in scene.journal.of("visits") for item in _recorded(entry.answer)]
    decided = [item["case_id"] for entry in scene.journal.of("decisions") for item in _recorded(entry.answer)]
    async with city.database(VERIFICATION) as connection:
        kept = {str(row["id"]): str(row["case_id"]) for row in await connection.fetch("select id, case_id from visit")}
        verdicts = [str(row["case_id"]) for row in await connection.fetch("select case_id from decision")]
    for kind, what in wrong_cases(visits, decided, kept, verdicts):
        _wrong(scene, kind, True, what)


def wrong_cases(
    visits: Iterable[str], decided: Iterable[str], kept: Mapping[str, str], verdicts: Iterable[str]
) -> Iterator[Wrong]:
    """What the tables say otherwise than that each case is visited and decided once.

    Args:
        visits: those that were acknowledged.
        decided: cases of which a decision was acknowledged.
        kept: the case of each visit in the tables.
        verdicts: the case of each decision in the tables.
    """
    visited, given = Counter(kept.values()), Counter(verdicts)
    yield from (("lost", f"visit {each}") for each in visits if each not in kept)
    yield from (("lost", f"decision on {case}") for case in decided if not given[case])
    yield from (("twice", f"{number} visits of {case}") for case, number in visited.items() if number > 1)
    yield from (("twice", f"{number} decisions on {case}") for case, number in given.items() if number > 1)


async def _lists(city: DrillCity, scene: Scene) -> None:
    """Every proposal and payment list stands under the id that was acknowledged, and as far as was acknowledged."""
    enrolled = [entry.about["path"].split("/")[-2] for entry in scene.journal.of("enrolment") if entry.answer]
    proposed = [entry.answer["proposal_id"] for entry in scene.journal.of("proposal") if entry.answer]
    made = [entry.answer["payment_list_id"] for entry in scene.journal.of("payment-list") if entry.answer]
    answered = [entry.about["payment_list"] for entry in scene.journal.of("results") if entry.answer is not None]
    async with city.database(PROGRAMS) as connection:
        proposals = {str(row["proposal_id"]): row["state"] for row in await connection.fetch("select * from proposal")}
        rows = await connection.fetch("select payment_list_id, state from payment_list")
    lists = {str(row["payment_list_id"]): row["state"] for row in rows}
    for proposal in proposed:
        _wrong(scene, "lost", proposal not in proposals, f"proposal {proposal}")
    for proposal in enrolled:
        _wrong(scene, "lost", proposals.get(proposal) == "proposed", f"decision on proposal {proposal}")
    for payments in made:
        _wrong(scene, "lost", payments not in lists, f"payment list {payments}")
    for payments in answered:
        _wrong(scene, "lost", lists.get(payments) != "settled", f"results of payment list {payments}")
    if all(entry.answer is not None for entry in scene.journal.of("payment-list")):
        _wrong(scene, "twice", len(lists) > len(made), f"{len(lists)} payment lists, {len(made)} were asked for")


async def _payments(city: DrillCity, scene: Scene) -> None:
    """What the bank was acknowledged to have paid is paid, once; the fund line realised exactly that."""
    said: dict[str, str] = {}
    answered = [entry for entry in scene.journal.of("results") if entry.answer is not None]
    for entry in answered:
        said |= {row["payment_id"]: row["status"].lower() for row in csv.DictReader(io.StringIO(entry.about["rows"]))}
    async with city.database(PROGRAMS) as connection:
        rows = await connection.fetch("select payment_id, state, rupiah from payment")
        realised = await connection.fetchval(
            "select coalesce(sum(rupiah), 0) from transfer where move = 'realise'"
        ) - await connection.fetchval(
            "select coalesce(sum(rupiah), 0) from transfer where move in ('return', 'reverse')"
        )
        twice = await connection.fetch(
            "select payment_id from transfer where move = 'realise' group by payment_id having count(*) > 1"
        )
    state = {str(row["payment_id"]): row["state"] for row in rows}
    for payment, status in said.items():
        _wrong(scene, "lost", state.get(payment) != status, f"payment {payment}: {status} was acknowledged")
    paid = sum(row["rupiah"] for row in rows if row["state"] == "paid")
    _wrong(scene, "twice", bool(twice), f"payments realised twice: {[str(row['payment_id']) for row in twice]}")
    if paid != realised:
        scene.outcome.overspent_rupiah += abs(realised - paid)
        scene.outcome.failed.append(f"The fund line realised {realised}, the payments say {paid}.")
    acknowledged = sum(row["rupiah"] for row in rows if said.get(str(row["payment_id"])) == "paid")
    if len(answered) == len(list(scene.journal.of("results"))) and acknowledged != realised:
        scene.outcome.overspent_rupiah += abs(realised - acknowledged)
        scene.outcome.failed.append(f"The fund line realised {realised}, acknowledged were {acknowledged}.")


def _niks(entries: list[Any]) -> list[dict[str, str]]:
    return [{"nik": nik} for entry in entries for nik in entry.about["niks"]]


def _recorded(answer: Any) -> list[Any]:
    return [] if answer is None else [each for each in answer["results"] if each["result"] in ("recorded", "repeated")]


def _wrong(scene: Scene, kind: str, is_wrong: bool, what: str) -> None:
    if is_wrong:
        setattr(scene.outcome, kind, getattr(scene.outcome, kind) + 1)
        scene.outcome.failed.append(f"{kind}: {what}")
