"""Last chapter: everything is heard, and the figures come from what services answer."""

from __future__ import annotations

from collections import Counter
from typing import Final

from local.story.cast import COHORT, DINKOP, DINSOS, PUPR, Cast
from local.story.desk import Desk, Json
from local.story.lists import all_of
from local.story.quiet import until_quiet
from local.story.report import CohortFigures, ReconcileFigures

PROGRAMMES: Final = {"BLT-2022": DINSOS, "UEP-2023": DINKOP, "RTLH-2023": PUPR}


async def play(cast: Cast) -> None:
    async with cast.chapter("settling", "Everybody hears the rest."):
        await until_quiet(cast.http, cast.city.deployed.values())
    async with cast.chapter("figures", "The figures are gathered, and reconciled."):
        await _of_verification(cast)
        await _of_programs(cast)
        await _of_notifications(cast)
        await _reconcile(cast)


async def _of_verification(cast: Cast) -> None:
    supervisor = cast.desk("verification", DINSOS, "penyelia-verifikasi")
    states: Counter[str] = Counter()
    for place in (await supervisor.get("/api/v1/progress", region="64.72"))["places"]:
        states.update(place["states"])
    cast.report.families_verified = states["verified"]
    cast.report.families_rejected = states["rejected"]


async def _of_programs(cast: Cast) -> None:
    report = cast.report
    for programme, agency in PROGRAMMES.items():
        desk = cast.desk("programs", agency, "petugas-program")
        enrolments = await all_of(desk, "/api/v1/enrolments", programme=programme)
        lines = await desk.get(f"/api/v1/programmes/{programme}/fund-lines")
        paid = await _paid(desk, cast.payment_lists.get(programme, []))
        realised = sum(line["realised_rupiah"] for line in lines)
        report.by_programme[programme] = {
            "enrolments": sum(each["status"] != "voided" for each in enrolments),
            **paid,
            "rupiah_disbursed": realised,
        }
        report.enrolments += report.by_programme[programme]["enrolments"]
        report.disbursements += paid["disbursements"]
        report.rupiah_disbursed += realised
        report.graduations += sum(each["status"] == "graduated" for each in enrolments)
        for line in lines:
            report.fund_lines[line["code"]] = _line(line)


async def _paid(desk: Desk, payment_lists: list[str]) -> dict[str, int]:
    """Persons paid, and persons whose payment failed on their last list."""
    last: dict[str, Json] = {}
    disbursements = 0
    for payment_list in payment_lists:
        for item in await all_of(desk, f"/api/v1/payment-lists/{payment_list}/items"):
            disbursements += item["state"] == "paid"
            last[item["entitlement_id"]] = item
    persons = Counter[str]()
    for item in last.values():
        persons[item["state"]] += item["persons"]
    return {"persons_paid": persons["paid"], "persons_failed": persons["failed"], "disbursements": disbursements}


def _line(line: Json) -> dict[str, int]:
    return {
        "ceiling": line["ceiling_rupiah"],
        "reserved": line["reserved_rupiah"],
        "committed": line["committed_rupiah"],
        "realised": line["realised_rupiah"],
        "free": line["left_rupiah"],
    }


async def _of_notifications(cast: Cast) -> None:
    coordinator = cast.desk("notifications", DINSOS, "koordinator-tkpk")
    list_now = await coordinator.get(f"/api/v1/cohorts/{COHORT}/buckets")
    cast.report.cohort = CohortFigures(list_now["baseline_persons"], list_now["buckets"])
    board = await coordinator.get("/api/v1/board")
    cast.report.persons_confirmed = board["stages"]["verified"]["persons"]
    quotas = await coordinator.get("/api/v1/quotas")
    cast.report.slots_filled = sum(quota["filled"] for quota in quotas)
    cast.report.slots_released = sum(quota["released"] for quota in quotas)
    cast.report.notifications_sent = (await coordinator.get("/api/v1/messages/count"))["messages"]


async def _reconcile(cast: Cast) -> None:
    found = await cast.city.reconcile()
    figures = ReconcileFigures()
    for name in ("lost", "twice", "out_of_order", "overspent_rupiah", "unexplained"):
        setattr(figures, name, sum(report[name] for report in found["deployments"]))
    figures.unexplained += len(found["differing"])
    cast.report.reconcile = figures
    for report in found["deployments"]:
        for finding in report["findings"]:
            cast.tell(f"{report['service']}.{report['agency']}: {finding}")
    for where in found["differing"]:
        cast.tell(f"deployments disagree on {where}")
