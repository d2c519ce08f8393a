"""A fourth agency joins the running city: it learns the whole past, says the same of it, and acts on none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from local.story.desk import Desk
from local.story.patience import each
from local.story.quiet import until_quiet
from shared.events.programs import HouseholdEnrolled
from shared.provisioning.secrets_file import read_variables
from tests.connected.small_city import Played

AGENCY = "disnaker-samarinda"
NAME = f"programs.{AGENCY}"


@dataclass
class Newcomer:
    """The agency that joined, and the end of every topic just before."""

    desk: Desk
    settings: dict[str, str]


@pytest.fixture(scope="session")
async def newcomer(played: Played) -> Newcomer:
    await played.city.command(
        "agency", "add", AGENCY, "--name", "Dinas Tenaga Kerja Kota Samarinda", "--region", "64.72",
        "--service", "programs", "--legal-basis", "uu-13-2011", "--state", str(played.city.state),
    )  # fmt: skip
    await played.city.deploy(NAME)
    await until_quiet(played.http, played.city.deployed.values())
    settings = read_variables(played.city.state / "deployments" / f"{NAME}.env")
    return Newcomer(played.desk("programs", AGENCY, "petugas-program"), settings)


async def test_it_says_of_each_household_what_the_others_say(played: Played, newcomer: Newcomer) -> None:
    households = sorted({fact.data["household_id"] for fact in played.facts if fact.is_a(HouseholdEnrolled)})
    assert len(households) >= len(played.truth.verified)
    old_hand = played.desk("programs", "dinkop-samarinda", "petugas-program")

    async def both(household: str) -> tuple[Any, Any]:
        path = f"/api/v1/households/{household}/benefits"
        return await old_hand.get(path), await newcomer.desk.get(path)

    for said, says in await each(households, both, at_once=4):
        assert says == said
        assert says["enrolments"]


async def test_it_knows_the_same_totals_and_misses_nothing(played: Played, newcomer: Newcomer) -> None:
    assert newcomer.settings["TUNTAS_AGENCY"] == AGENCY
    report = await played.city.reconcile()
    totals = {each["agency"]: each["totals"] for each in report["deployments"] if each["service"] == "programs"}
    assert totals[AGENCY] == totals["dinkop-samarinda"]
    assert totals[AGENCY]["programs.paid"] == played.report.disbursements
    assert totals[AGENCY]["programs.paid_rupiah"] == played.report.rupiah_disbursed
    assert report["differing"] == []


async def test_it_acted_on_nothing_that_it_did_not_live_through(played: Played, newcomer: Newcomer) -> None:
    heard = len(played.facts)
    connection = await asyncpg.connect(newcomer.settings["TUNTAS_DATABASE_URL"])
    try:
        marks = await connection.fetchval("select sum(last_sequence) from kernel.heard")
        announced = await connection.fetchval("select count(*) from kernel.announced")
        timers = await connection.fetchval("select count(*) from kernel.due")
        own = await connection.fetchval("select count(*) from enrolment")
        below = await connection.fetchval('select sum("offset") from kernel.react_from')
    finally:
        await connection.close()
    assert (announced, timers, own) == (0, 0, 0)
    assert marks > 0
    assert below >= heard


async def test_its_first_word_is_heard_by_all(played: Played, newcomer: Newcomer) -> None:
    """Nothing was configured anywhere else for it."""
    document = _programme()
    await newcomer.desk.post("/api/v1/programmes", {"document": document})
    await until_quiet(played.http, played.city.deployed.values())
    lines = await played.desk("notifications", "dinsos-samarinda", "koordinator-tkpk").get("/api/v1/fund-lines")
    assert "APBD-2023/64.72/PELATIHAN" in {each["line"]["fund_line"] for each in lines}


def _programme() -> str:
    return """
code: PELATIHAN-2023
version: 1
title: Pelatihan Kerja Kota Samarinda 2023
agency: disnaker-samarinda
region: "64.72"
status: active
strategy: raise-income
unit: family
valid_from: 2023-01-01
legal_basis: {title: Instruksi Presiden 4/2022, source: assumption}
cohort: P3KE-9000
benefit: {kind: training, rupiah: 1000000, per: family, periods: ["2023"], reserve: enrolment, source: assumption}
eligibility:
  - {kind: verified, categories: [extreme-poor, poor], source: assumption}
ranking: [score, household-id]
fund_lines:
  - code: APBD-2023/64.72/PELATIHAN
    region: "64.72"
    fiscal_year: 2023
    funding: apbd-city
    component: pelatihan
    ceiling_rupiah: 50000000
    source: assumption
"""
