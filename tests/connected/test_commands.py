"""The `tuntas` command as an operator types it: parked records, replay, reconcile, and its sentences for mistakes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.stack import StackAddresses
from shared.cli import main
from shared.deployment import Deployment
from shared.events.intake import HouseholdRegistered
from shared.events.topics import fact_topic
from shared.messaging.parking import StoredRecord
from shared.messaging.statements import state_react_from
from shared.serve import find_service
from tests.fixtures import DatabaseFactory, TopicFactory

AGENCY = "dinsos-samarinda"


@dataclass
class Ran:
    code: int
    out: str
    err: str


Tuntas = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def folder(
    stack: StackAddresses, database: DatabaseFactory, topics: TopicFactory, topic_root: str, tmp_path: Path
) -> Path:
    """Settings of a verification deployment, as `tuntas agency` would have left them."""
    await topics(fact_topic(topic_root, "intake", AGENCY), fact_topic(topic_root, "verification", AGENCY))
    fresh = await database("verification")
    await state_react_from(fresh.dsn, {})
    directory = Path(__file__).parents[2] / "local" / "agencies.yaml"
    key = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    user, password = stack.kafka_admin
    variables = {
        "MODE": "laptop", "AGENCY": AGENCY, "REGION": "64.72", "DIRECTORY_FILE": directory, "TOPIC_ROOT": topic_root,
        "DATABASE_URL": fresh.dsn, "KAFKA_BOOTSTRAP": stack.kafka_bootstrap, "KAFKA_USERNAME": user,
        "KAFKA_PASSWORD": password, "OIDC_ISSUER": "http://127.0.0.1:1", "OIDC_JWKS_URL": "http://127.0.0.1:1/jwks",
        "VAULT_KEYS": f"1:{key}", "BLIND_INDEX_KEY": key, "STATE_DIR": tmp_path,
    }  # fmt: skip
    lines = [f"TUNTAS_{name}={value}" for name, value in variables.items()]
    (tmp_path / f"verification.{AGENCY}.env").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


@pytest.fixture
def tuntas(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tuntas:
    """The command, in this process: a new interpreter for each would cost seconds."""
    monkeypatch.setenv("TUNTAS_DEPLOYMENTS", str(folder))

    def call(arguments: tuple[str, ...]) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code: Any = 0
            try:
                main(arguments)
            except SystemExit as ended:
                code = ended.code
                if isinstance(code, str):
                    print(code, file=sys.stderr)
        return Ran(int(code or 0) if not isinstance(code, str) else 1, out.getvalue(), err.getvalue())

    return lambda *arguments: asyncio.to_thread(call, arguments)


async def hear_something_broken(folder: Path) -> None:
    service = find_service("verification")
    deployment = Deployment(service, service.settings(_env_file=folder / f"verification.{AGENCY}.env"))
    household = uuid4()
    event = HouseholdRegistered.from_example().model_copy(update={"household_id": household})
    headers = {
        "ce_id": str(uuid4()), "ce_source": f"/agencies/{AGENCY}/intake", "ce_type": event.full_type(),
        "ce_subject": event.subject, "ce_time": "2022-12-05T02:00:00Z", "ce_sequence": "1",
    }  # fmt: skip
    topic = fact_topic(deployment.settings.topic_root, "intake", AGENCY)
    pairs = tuple((name, value.encode()) for name, value in headers.items())
    hearing = deployment.kernel.hearing
    broken = StoredRecord(topic, 3, 0, str(household).encode(), b'{"nik": "6472054101900001"', pairs)
    await hearing.hear(hearing.read([broken]))
    await deployment.close()


async def test_a_parked_record_is_listed_shown_redriven_and_dismissed(tuntas: Tuntas, folder: Path) -> None:
    await hear_something_broken(folder)
    where = ("verification", "--agency", AGENCY)
    listed = await tuntas("parked", "list", *where)
    assert listed.code == 0, listed.err
    assert "value-not-json" in listed.out
    assert "1 waiting" in listed.out
    identity = listed.out.split()[0]
    shown = await tuntas("parked", "show", "verification", identity, "--agency", AGENCY)
    assert "value-not-json" in shown.out
    assert "6472054101900001" not in shown.out
    redriven = await tuntas("parked", "redrive", "verification", identity, "--agency", AGENCY, "--by", "operator-1")
    assert (redriven.code, redriven.out.strip()) == (1, "0 handled, 1 left; stopped by value-not-json")
    dismissed = await tuntas(
        "parked", "dismiss", "verification", identity, "--agency", AGENCY, "--by", "operator-1", "--reason", "a test"
    )
    assert dismissed.code == 0, dismissed.err
    assert "0 waiting" in (await tuntas("parked", "list", *where)).out


async def test_replay_and_reconcile_say_that_all_is_well(tuntas: Tuntas) -> None:
    replayed = await tuntas("replay", "verification", "--agency", AGENCY)
    assert "unchanged" in replayed.out, replayed.err
    found = await tuntas("reconcile", "--json")
    assert found.code == 0, found.err + found.out
    report = json.loads(found.out)["deployments"][0]
    assert {report[kind] for kind in ("lost", "twice", "out_of_order", "overspent_rupiah", "unexplained")} == {0}


async def test_a_deployment_that_is_not_provisioned_is_named(tuntas: Tuntas) -> None:
    ran = await tuntas("migrate", "verification", "--agency", "nobody")
    assert ran.code != 0
    assert "verification.nobody.env" in ran.err
    assert "Traceback" not in ran.err


async def test_wrong_settings_are_said_without_a_traceback(tuntas: Tuntas, folder: Path) -> None:
    file = folder / f"verification.{AGENCY}.env"
    file.write_text(file.read_text(encoding="utf-8").replace("MODE=laptop", "MODE=production"), encoding="utf-8")
    ran = await tuntas("migrate", "verification", "--agency", AGENCY)
    assert ran.code == 2
    assert "TUNTAS_KAFKA_CA_FILE" in ran.err
    assert "Traceback" not in ran.err
