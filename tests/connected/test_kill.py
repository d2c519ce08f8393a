"""`kill -9` in the middle of the story: every service once while it works, relays of their own again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import pytest

from local.stack import StackAddresses
from tests.connected.drills import Moment, PowerCuts, RelayDrill
from tests.connected.expected import Expected
from tests.connected.small_city import Played, played_city

FAMILIES = 500
INTAKE, VERIFICATION = "intake.dinsos-samarinda", "verification.dinsos-samarinda"
CASH, BUSINESS, HOUSES = (f"programs.{agency}-samarinda" for agency in ("dinsos", "dinkop", "pupr"))
NOTIFICATIONS = "notifications.dinsos-samarinda"
APART = dict.fromkeys((INTAKE, CASH), ("api", "worker", "relay"))
"""The two that announce most, each in three processes."""

CUTS = (
    # The register is half worked through.
    Moment(INTAKE, INTAKE, "GET /api/v1/imports/[^/]+", nth=4, after_seconds=0.05),
    # A field worker's list is on its way.
    Moment(VERIFICATION, VERIFICATION, "POST /api/v1/visits:batch", nth=3, after_seconds=0.02),
    # The facts of a few hundred decisions and enrolments come in.
    Moment(NOTIFICATIONS, VERIFICATION, "POST /api/v1/decisions:batch", nth=1, after_seconds=0.2),
    # The bank's answer is being worked in.
    Moment(CASH, CASH, "POST /api/v1/payment-lists/[^/]+/results", nth=1, after_seconds=0.03),
    # The list of the repaired houses has just been sent to the second person.
    Moment(HOUSES, HOUSES, "POST /api/v1/payment-lists/[^/]+/submission", nth=1, after_seconds=0.02),
    # Several families take their places at once.
    Moment(BUSINESS, BUSINESS, "POST /api/v1/offers/[^/]+/accept", nth=4, after_seconds=0.02),
)


@dataclass
class Disturbed:
    """A city after a story with power cuts."""

    played: Played
    cuts: PowerCuts
    relays: RelayDrill


@pytest.fixture(scope="module")
async def disturbed(stack: StackAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Disturbed]:
    cuts, relays = PowerCuts(CUTS), RelayDrill()
    folder = tmp_path_factory.mktemp("killed")
    async with played_city(stack, folder, FAMILIES, cuts=cuts, relays=relays, roles_of=APART) as played:
        yield Disturbed(played, cuts, relays)


@pytest.mark.parametrize("deployment", [INTAKE, VERIFICATION, CASH, BUSINESS, HOUSES, NOTIFICATIONS])
def test_a_service_that_is_killed_at_work_changes_no_figure(disturbed: Disturbed, deployment: str) -> None:
    assert disturbed.cuts.killed[deployment] == 1
    _holds(disturbed.played)


def test_relays_that_are_killed_whenever_they_have_sent_something_change_no_figure(disturbed: Disturbed) -> None:
    assert set(disturbed.relays.killed) == set(APART)
    assert min(disturbed.relays.killed.values()) >= 2
    _holds(disturbed.played)


def _holds(played: Played) -> None:
    """What an undisturbed story ends with, and nothing lost, twice, out of order, overspent or unexplained."""
    expected = Expected(played.truth)
    assert {name: getattr(played.report, name) for name in expected.report} == expected.report
    assert played.report.by_programme["BLT-2022"].items() >= expected.cash.items()
    assert sum(played.report.cohort.buckets.values()) == played.truth.cohort["baseline_persons"]
    assert set(asdict(played.report.reconcile).values()) == {0}
