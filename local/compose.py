"""The demo's city under docker-compose: `python -m local.compose provision|issuer|story`.

docker-compose.yml says on which ports things are published, so nothing is looked for: the issuer is on 9000, the
deployments from 8001 on, in the order of the directory. All containers of the city share one loopback, as the
processes of `make demo` do.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import astuple
from datetime import date
from pathlib import Path

import cyclopts
import uvicorn
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from rich.console import Console

from local.city import City, Deployed
from local.demo import SEED
from local.issuer.app import make_issuer_app
from local.issuer.issuer import Issuer
from local.people import PeopleFile
from local.register.generate import generate
from local.stack import StackAddresses
from local.stack.addresses import KafkaAddress, kafka_of_environment, postgres_of_environment
from local.story.report import Report
from local.story.samarinda import play
from shared.directory import read_directory
from shared.provisioning.provision import provision
from shared.provisioning.secrets_file import write_secretly

ISSUER_PORT = 9000
FIRST_PORT = 8001
_ANSWER_SECONDS = 30

app = cyclopts.App(name="python -m local.compose", help=__doc__)


@app.command(name="provision")
def provision_command() -> None:
    """Make databases, principals, ACLs, topics and settings of the city; again, and nothing changes."""
    city = _city()
    city.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    (city.state / "issuer.port").write_text(str(ISSUER_PORT), encoding="ascii")
    for shipped in (city.directory, city.directory.with_name("people.yaml")):
        if not (city.state / shipped.name).exists():
            shutil.copyfile(shipped, city.state / shipped.name)
    _give_ports(city)
    _let_administrator_in(city.addresses.kafka)
    changed = asyncio.run(provision(city.operator, on=date.today()))  # noqa: DTZ011 - authority is dated in real days
    print("\n".join(changed) or "Nothing has changed.")


@app.command
def issuer() -> None:
    """Sign in whoever is chosen from the people of the demo. Laptop only."""
    city = _city()
    made = make_issuer_app(Issuer(city.issuer_url, PeopleFile(city.state / "people.yaml"), city.state, mode="laptop"))
    # docker-compose publishes it on the loopback of the machine alone.
    uvicorn.run(made, host="0.0.0.0", port=ISSUER_PORT, log_config=None, access_log=False)  # noqa: S104


@app.command
def story(*, families: int = 500, seed: int = SEED, report: Path | None = None) -> None:
    """Play the Samarinda story in the running city, once."""
    city, figures, console = _city(), Report(), Console()
    city.deployed = {name: Deployed(name, "all", city.url(*name.split(".", 1)), Path(), {}) for name in city.here()}
    files = city.state / "story"
    generate(files, seed, families)
    asyncio.run(play(city, files, figures, console))
    figures.show(console)
    if report is not None:
        figures.write(report)
    sys.exit(any(astuple(figures.reconcile)))


def _city() -> City:
    kafka, postgres = kafka_of_environment(), postgres_of_environment()
    if kafka is None or postgres is None:
        raise SystemExit("TUNTAS_KAFKA, TUNTAS_KAFKA_ADMIN and TUNTAS_DATABASE_ADMIN_DSN say where the servers are.")
    return City(StackAddresses(kafka, postgres), Path(os.environ["TUNTAS_STATE_DIR"]))


def _give_ports(city: City) -> None:
    """Provisioning keeps a port that was given before, so a deployment that has no settings yet gets its port first."""
    directory = read_directory(city.state / "agencies.yaml", city.topic_root)
    here = [each for each in directory.deployments() if each.runs == "here"]
    for port, deployment in enumerate(here, FIRST_PORT):
        path = city.operator.env_file_of(deployment.id)
        if not path.exists():
            write_secretly(path, f"TUNTAS_HTTP_PORT={port}\n")


def _let_administrator_in(kafka: KafkaAddress) -> None:
    """The image cannot make SCRAM users; its administrator may come in by PLAIN, and gives itself a SCRAM password."""
    client = AdminClient({**kafka.librdkafka(), "sasl.mechanism": "PLAIN"})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192)
    change = UserScramCredentialUpsertion(kafka.username, scram, kafka.password.encode())
    for future in client.alter_user_scram_credentials([change]).values():
        future.result(_ANSWER_SECONDS)


if __name__ == "__main__":
    app()
