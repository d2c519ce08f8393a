"""What reconcile asks finds what somebody broke, and nothing where nothing is broken."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from services.notifications.commands import (
    CHECKS,
    buckets_sum_to_the_baseline,
    each_entry_is_in_one_bucket,
    nothing_is_overspent,
    totals_agree,
)
from shared.events.programs import FundLineOpened, QuotaAllocated, SlotFilled
from shared.service import Check
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import KELURAHAN, Story, an_id, changed
from tests.services.notifications.test_board import OTHER, closed, tell, two_families


async def findings(deployment: TestDeployment, *checks: Check) -> list[str]:
    async with deployment.session() as session:
        return [found.kind for check in checks for found in await check(session)]


async def test_a_healthy_board_has_no_findings(notifications: TestDeployment) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4), (OTHER, 3)))
    assert await findings(notifications, *CHECKS) == []


async def test_more_rows_than_the_list_has_are_found(notifications: TestDeployment) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 1), (OTHER, 3)))
    assert await findings(notifications, *CHECKS) == ["unexplained"]


@pytest.mark.parametrize(
    ("damage", "check", "kind"),
    [
        ("update entry_span set until = null", each_entry_is_in_one_bucket, "twice"),
        ("update entry_span set until = until - interval '1 day'", each_entry_is_in_one_bucket, "unexplained"),
        ("delete from stage_span", totals_agree, "unexplained"),
        ("delete from entry_span", buckets_sum_to_the_baseline, None),
    ],
)
async def test_damage_is_found(notifications: TestDeployment, damage: str, check: Check, kind: str | None) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4), (OTHER, 3)))
    async with notifications.session() as session:
        await session.execute(text(damage))
        found = [each.kind for each in await check(session)]
    assert found == ([kind] if kind else [])


async def test_more_spent_than_there_was_is_found(notifications: TestDeployment) -> None:
    story = Story()
    story.paid(rupiah=900_000)
    line = {"programme": "BLT-2022", "fund_line": "APBD-2023/64.72/UEP", "ceiling_rupiah": 300_000}
    filled = [changed(SlotFilled, household_id=an_id(name)) for name in ("first", "second")]
    await tell(notifications, [story], changed(FundLineOpened, **line), changed(QuotaAllocated, places=1), *filled)
    assert await findings(notifications, nothing_is_overspent) == ["overspent_rupiah", "twice"]
