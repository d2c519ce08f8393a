"""`tuntas intake …` on a register: keys are rotated, files are listed and go on."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from services.intake import commands
from services.intake.households import identities
from shared.deployment import Deployment
from shared.messaging import cancel_due
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.intake.city import csv_of, intake, row, send
from tests.services.intake.operator import settings_file


async def test_after_a_rotation_the_old_key_may_go(
    deployment_of: DeploymentFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    await send(operator, csv_of([row(number, number) for number in range(1, 6)]))
    await city.run_due()
    old = city.deployment.settings.vault_keys.get_secret_value()
    new = f"2:{base64.b64encode(b'n' * 32).decode()}"
    both = settings_file(city, tmp_path / "both.env", f"{old},{new}")
    await asyncio.to_thread(commands.rotate_keys, agency="dinsos-samarinda", env_file=both)
    assert "6 keys were wrapped anew.\n" in capsys.readouterr().out
    await asyncio.to_thread(commands.rotate_keys, agency="dinsos-samarinda", env_file=both)
    assert "0 keys were wrapped anew.\n" in capsys.readouterr().out
    service = city.deployment.declared
    alone = Deployment(service, service.settings(_env_file=settings_file(city, tmp_path / "new.env", new)))
    try:
        async with alone.sessions() as session:
            ids = [each.id for each in await city.fetch("select id from household")]
            found = await identities(session, ids)
        assert len(found) == 5
        assert all(member["name"].startswith("Warga") for each in found.values() for member in each["members"])
    finally:
        await alone.engine.dispose()


async def test_a_file_whose_work_was_given_up_goes_on(
    deployment_of: DeploymentFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    sent = (await send(operator, csv_of([row(1, 1)]))).json()
    async with city.transaction() as session:
        assert await cancel_due(session, "work-import", sent["import_id"])
    assert await city.run_due() == 0
    file = settings_file(city, tmp_path / "one.env", city.deployment.settings.vault_keys.get_secret_value())
    await asyncio.to_thread(commands.resume_import, sent["import_id"], agency="dinsos-samarinda", env_file=file)
    assert "goes on with part 1 of 1" in capsys.readouterr().out
    city.clock.move(days=3_650)
    assert await city.run_due() == 1
    await asyncio.to_thread(commands.imports, agency="dinsos-samarinda", env_file=file)
    assert "1 registered, 0 known, 0 held, 0 refused" in capsys.readouterr().out
