"""The province announces with a client of its own, in another language; the city shows it, and parks what is wrong."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from local.stack import state_folder
from services.programs.app import SERVICE
from shared.directory import DeploymentId
from shared.events.intake import HouseholdRegistered
from shared.events.programs import HouseholdEnrolled
from shared.provisioning.secrets_file import read_variables
from shared.security import Role
from tests.fixtures import eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.fixtures.provisioned import Provisioned

CLIENT = Path(__file__).parent / "province"
SCHEMA = Path(__file__).resolve().parents[2] / "shared/events/schemas" / f"{HouseholdEnrolled.type}.json"
PROVINCE, CITY = DeploymentId("programs", "dinsos-kaltim"), DeploymentId("programs", "dinsos-samarinda")
BANJARMASIN = "63.71.01.1001"


@dataclass
class Province:
    """The province's client: a folder with its code, its libraries and its state."""

    folder: Path
    env_file: Path
    state: Path

    def announce(self, *facts: dict[str, Any], **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the client on these facts, with its env file and nothing else of this process but the PATH."""
        command = ["node", "announce.mjs", str(SCHEMA), str(self.state)]
        environment = read_variables(self.env_file) | {"PATH": os.environ["PATH"], **changed}
        return subprocess.run(
            command, cwd=self.folder, input="\n".join(map(json.dumps, facts)), capture_output=True, text=True,
            timeout=60, check=False, env=environment,
        )  # fmt: skip

    @property
    def kept(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.state.read_text(encoding="utf-8"))
        return loaded


@pytest.fixture(scope="session")
def client_folder() -> Path:
    """The client with its libraries, as `npm ci` installs them; made once per state of its lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.fail("Node.js with npm is missing: the province's client shows that others than Python can announce.")
    files = [CLIENT / name for name in ("announce.mjs", "package.json", "package-lock.json")]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:16]
    folder = state_folder() / "province" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            for each in files:
                shutil.copy(each, folder)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            assert installed.returncode == 0, installed.stderr
            (folder / ".installed").touch()
    return folder


@pytest.fixture
def province(client_folder: Path, provisioned: Provisioned, tmp_path: Path) -> Province:
    return Province(client_folder, provisioned.operator.env_file_of(PROVINCE, "elsewhere"), tmp_path / "state.json")


@pytest.fixture
async def city(deployment_of: DeploymentFactory, provisioned: Provisioned) -> TestDeployment:
    """The real programs deployment of the city, signed in as itself."""
    env = provisioned.env_of(CITY)
    settings = {name: env[f"TUNTAS_{name.upper()}"] for name in ("kafka_bootstrap", "kafka_username", "kafka_password")}
    root = provisioned.operator.topic_root
    city = await deployment_of(SERVICE, **settings, topic_root=root)
    city.topic_root = root
    async with city.transaction() as session:
        await session.execute(text("insert into kernel.statement (name, value) values ('react-from', 'true')"))
    return city


@asynccontextmanager
async def listening(city: TestDeployment) -> AsyncIterator[None]:
    async with city.deployment.kernel.running("worker"):
        yield


def registered() -> HouseholdRegistered:
    household = uuid4()
    return HouseholdRegistered.from_example().model_copy(update={"household_id": household})


def enrolment(household: HouseholdRegistered, **changes: Any) -> dict[str, Any]:
    """The committed example, of this household and without what only the city's programmes have."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return {
        **schema["examples"][0],
        "household_id": str(household.household_id),
        "enrolment_id": str(uuid4()),
        "programme_id": str(uuid4()),
        "programme": "WRSE-2023",
        "region": household.region,
        "slot_id": None,
        "quota_id": None,
        **changes,
    }


async def benefits(city: TestDeployment, household: HouseholdRegistered) -> list[dict[str, Any]]:
    """What the city's officer sees on the household."""
    answer = await city.client(Role.PROGRAMME_OFFICER).get(f"/api/v1/households/{household.household_id}/benefits")
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()["enrolments"]
    return shown


async def run(province: Province, *facts: dict[str, Any]) -> None:
    ended = await asyncio.to_thread(province.announce, *facts)
    assert ended.returncode == 0, ended.stderr


async def test_the_city_shows_what_the_province_announced(city: TestDeployment, province: Province) -> None:
    first, second = registered(), registered()
    await city.deliver(first, second)
    told = [enrolment(first), enrolment(second), enrolment(first)]
    async with listening(city):
        await run(province, *told[:2])
        await run(province, told[2])

        async def shown() -> bool:
            return len(await benefits(city, first)) == 2 and len(await benefits(city, second)) == 1

        await eventually(shown, within=30)
    assert {each["enrolment_id"] for each in await benefits(city, first)} == {
        told[0]["enrolment_id"],
        told[2]["enrolment_id"],
    }
    assert {each["agency"] for each in await benefits(city, first)} == {"dinsos-kaltim"}
    assert province.kept["last"] == {str(first.household_id): 2, str(second.household_id): 1}
    assert await city.parked() == []


async def test_what_is_wrong_is_parked_and_visible_and_holds_up_nobody_else(
    city: TestDeployment, province: Province
) -> None:
    mistaken, other, of_elsewhere = registered(), registered(), registered()
    await city.deliver(mistaken, other)
    malformed = enrolment(mistaken)
    del malformed["started_on"]
    async with listening(city):
        await run(
            province,
            malformed,
            enrolment(mistaken),
            enrolment(of_elsewhere, region=BANJARMASIN),
            enrolment(other),
        )

        async def shown() -> bool:
            return len(await benefits(city, other)) == 1 and len(await city.parked()) == 3

        await eventually(shown, within=30)
    parked = {each.key: [] for each in await city.parked()}  # type: dict[str, list[str]]
    for each in await city.parked():
        parked[each.key].append(each.reason)
        assert each.topic.endswith(".programs.dinsos-kaltim")
        assert "2023" not in json.dumps(each.detail), "a reason names places, never values"
    assert {key: sorted(reasons) for key, reasons in parked.items()} == {
        str(mistaken.household_id): ["behind", "value-misshapen"],
        str(of_elsewhere.household_id): ["unauthorised"],
    }
    assert await benefits(city, mistaken) == []


async def test_a_client_that_broke_off_sends_the_same_again_and_it_counts_once(
    city: TestDeployment, province: Province
) -> None:
    household = registered()
    await city.deliver(household)
    refused = await asyncio.to_thread(province.announce, enrolment(household), TUNTAS_KAFKA_PASSWORD="guessed")
    assert refused.returncode != 0
    assert len(province.kept["unsent"]) == 1
    before = province.state.read_text()
    async with listening(city):
        await run(province)
        # The power went before the client could note that it was done.
        province.state.write_text(before)
        await run(province)
        await run(province, enrolment(household))

        async def shown() -> bool:
            return len(await benefits(city, household)) == 2

        await eventually(shown, within=30)
        assert await city.parked() == []
    assert province.kept == {"last": {str(household.household_id): 2}, "unsent": []}


async def test_a_reader_of_its_own_hears_every_fact(province: Province) -> None:
    household = registered()
    told = [enrolment(household), enrolment(household)]
    await run(province, *told)
    reader = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT / "read_events.py"), str(province.env_file), stdout=asyncio.subprocess.PIPE
    )
    assert reader.stdout is not None
    heard: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(40):
            while len(heard) < 2:
                said = json.loads(await reader.stdout.readline())
                if said["subject"] == f"household/{household.household_id}":
                    heard.append(said)
    finally:
        reader.terminate()
        await reader.wait()
    assert [each["data"] for each in heard] == told
    assert {each["source"] for each in heard} == {"/agencies/dinsos-kaltim/programs"}
