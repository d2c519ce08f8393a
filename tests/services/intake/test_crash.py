"""A worker process that is killed in the middle of a file: the next one goes on, and nothing stands twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import psutil

from services.intake.checks import CHECKS
from shared.events.intake import HouseholdRegistered, RegisterSnapshotImported
from shared.security import Role
from tests.fixtures import eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import csv_of, intake, row, send
from tests.services.intake.operator import settings_file

FAMILIES = 900
_REPOSITORY = Path(__file__).resolve().parents[3]
WORKER = """
import asyncio, sys
from pathlib import Path
from services.intake.app import SERVICE
from shared.deployment import Deployment
from shared.serve import read_settings

async def work():
    deployment = Deployment(SERVICE, read_settings(SERVICE, Path(sys.argv[1])))
    while await deployment.kernel.timers.handle_next():
        pass

asyncio.run(work())
"""


async def parts_done(city: TestDeployment) -> int:
    (found,) = await city.fetch("select parts_done from import")
    done: int = found.parts_done
    return done


async def test_a_killed_worker_leaves_a_file_that_goes_on(deployment_of: DeploymentFactory, tmp_path: Path) -> None:
    city = await intake(deployment_of, import_part_rows_max=50)
    operator = city.client(Role.OPERATOR)
    rows = [row(number, number) for number in range(FAMILIES)]
    assert (await send(operator, csv_of(rows))).status_code == 202
    keys = city.deployment.settings.vault_keys.get_secret_value()
    file = settings_file(city, tmp_path / "worker.env", keys)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, str(file), cwd=_REPOSITORY)

    async def has_begun() -> bool:
        return await parts_done(city) >= 1

    async def is_under_way() -> bool:
        return await parts_done(city) >= 2

    try:
        # Its start is waited for apart: beside a city that starts as well it may take most of a minute.
        await eventually(has_begun, within=60, what="the other process at work")
        await eventually(is_under_way, within=60, what="two parts worked through by the other process")
        # One drafts for it, another looks after what they share.
        helpers = psutil.Process(worker.pid).children(recursive=True)
        assert helpers
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
    await eventually(lambda: not any(each.is_running() for each in helpers), within=30, what="its processes gone, too")
    assert 2 <= await parts_done(city) < FAMILIES // 50
    # The other process lived by the real clock; what it scheduled is due when ours has come that far.
    city.clock.move(days=3_650)
    await city.run_due()
    facts = await city.announced(HouseholdRegistered)
    assert len(facts) == len({fact.household_id for fact in facts}) == FAMILIES
    (end,) = await city.announced(RegisterSnapshotImported)
    assert (end.rows, end.persons, end.households, end.rejected, end.held) == (FAMILIES, FAMILIES, FAMILIES, 0, 0)
    async with city.session() as session:
        assert [found for check in CHECKS for found in await check(session)] == []
