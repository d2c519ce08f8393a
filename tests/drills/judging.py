"""The judgement: reconcile over all deployments, and the clients' journal against the tables."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from shared.messaging.reconcile import Report, differing_totals, reconcile
from tests.drills.load import DINSOS
from tests.drills.looking import opened

if TYPE_CHECKING:
    from tests.drills.city import DrillCity
    from tests.drills.scene import Scene

INTAKE, VERIFICATION, PROGRAMS = f"intake.{DINSOS}", f"verification.{DINSOS}", f"programs.{DINSOS}"


async def judge(city: DrillCity, scene: Scene) -> None:
    """Add to the scene's outcome what is wrong; call it when the city is settled."""
    await _reconcile(city, scene)
    await _registrations(city, scene)
    await _decisions(city, scene)
    await _payments(city, scene)
    scene.outcome.events += await city.records()
    scene.outcome.acknowledged = scene.journal.acknowledgements
    scene.outcome.unacknowledged = scene.journal.without_answer


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


async def _registrations(city: DrillCity, scene: Scene) -> None:
    """A family that was acknowledged stands once, under its id, with all its members; another once or not at all."""
    entries = list(scene.journal.of("registration"))
    if not entries:
        return
    async with opened(city, INTAKE) as deployment:
        index = {each["nik"]: deployment.vault.blind_index("nik", each["nik"]) for each in _niks(entries)}
    async with city.database(INTAKE) as connection:
        rows = await connection.fetch("select nik_index, household_id from member where state = 'active'")
    holders: dict[bytes, list[str]] = {}
    for row in rows:
        holders.setdefault(bytes(row["nik_index"] or b""), []).append(str(row["household_id"]))
    for entry in entries:
        found = [holders.get(index[nik], []) for nik in entry.about["niks"]]
        households = {household for each in found for household in each}
        if entry.answer is not None:
            _wrong(scene, "lost", households != {entry.answer} or not all(found), f"registration {entry.number}")
        _wrong(scene, "twice", len(households) > 1 or any(len(each) > 1 for each in found), f"family {entry.number}")
        _wrong(scene, "lost", bool(households) and not all(found), f"a part of family {entry.number}")


async def _decisions(city: DrillCity, scene: Scene) -> None:
    """Every visit and decision that was acknowledged stands once."""
    visits = [item["visit_id"] for entry in scene.journal.of("visits") for item in _recorded(entry.answer)]
    decided = [item["case_id"] for entry in scene.journal.of("decisions") for item in _recorded(entry.answer)]
    async with city.database(VERIFICATION) as connection:
        kept = Counter(str(row["id"]) for row in await connection.fetch("select id from visit"))
        verdicts = Counter(str(row["case_id"]) for row in await connection.fetch("select case_id from decision"))
    for visit in visits:
        _wrong(scene, "lost", kept[visit] == 0, f"visit {visit}")
    for case in decided:
        _wrong(scene, "lost", verdicts[case] == 0, f"decision on {case}")
        _wrong(scene, "twice", verdicts[case] > 1, f"decision on {case}")


async def _payments(city: DrillCity, scene: Scene) -> None:
    """What the bank was acknowledged to have paid is paid, once; the fund line realised exactly that."""
    said: dict[str, str] = {}
    for entry in scene.journal.of("results"):
        rows = csv.DictReader(io.StringIO(entry.about["rows"]))
        said |= {row["payment_id"]: row["status"].lower() for row in rows if entry.answer is not None}
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
        scene.outcome.failed.append(f"The journal realised {realised}, the payments say {paid}.")


def _niks(entries: list[Any]) -> list[dict[str, str]]:
    return [{"nik": nik} for entry in entries for nik in entry.about["niks"]]


def _recorded(answer: Any) -> list[Any]:
    return [] if answer is None else [each for each in answer["results"] if each["result"] in ("recorded", "repeated")]


def _wrong(scene: Scene, kind: str, is_wrong: bool, what: str) -> None:
    if is_wrong:
        setattr(scene.outcome, kind, getattr(scene.outcome, kind) + 1)
        scene.outcome.failed.append(f"{kind}: {what}")
