"""A town of some of the demo's deployments, each its own process, on a directory of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import yaml

from benchmarks.workplace import Workplace
from local.city import City
from shared.provisioning.secrets_file import read_variables

AGENCY = "dinsos-samarinda"
_SHIPPED = Path(__file__).resolve().parents[1] / "local" / "agencies.yaml"


def town(workplace: Workplace, *services: str, **options: Any) -> City:
    """`async with town(workplace, "intake", "verification") as city:` – provisioned, started and ready."""
    document = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))
    document["deployments"] = [{"service": service, "agency": AGENCY} for service in services]
    mine = {f"{service}.{AGENCY}" for service in services}
    document["agencies"] = {AGENCY: document["agencies"][AGENCY]}
    document["profile_grants"] = [
        each | {"of": [source for source in each["of"] if source in mine]}
        for each in document["profile_grants"]
        if each["reader"] in mine and mine.intersection(each["of"])
    ]
    workplace.state.mkdir(parents=True, exist_ok=True)
    directory = workplace.state / f"{workplace.root}.yaml"
    directory.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return City(
        workplace.stack, workplace.state / workplace.root, topic_root=workplace.root, directory=directory, **options
    )


def database_of(city: City, service: str) -> str:
    """The address of a deployment's database, as its own role."""
    variables = read_variables(city.operator.env_file_of((service, AGENCY)))
    return variables["TUNTAS_DATABASE_URL"]


async def connected(dsn: str) -> int:
    """How many connections to its database a deployment holds open, as the server counts them."""
    connection = await asyncpg.connect(dsn)
    found: int = await connection.fetchval(_CONNECTED)
    await connection.close()
    return found


_CONNECTED = """
    select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""
