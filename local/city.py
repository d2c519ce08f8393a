"""A city on one machine: every deployment its own process, the sign-in issuer beside them, on a stack that runs.

The demo, the tests that kill processes and the benchmarks all start a city from here.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil
import uvicorn

from local.issuer.app import make_issuer_app
from local.issuer.issuer import Issuer
from local.people import PeopleFile
from local.stack import StackAddresses
from local.stack.processes import StackError, dies_with_parent, end_survivors, free_ports, stop, tail
from shared.clock import Clock
from shared.directory import read_directory
from shared.provisioning.operator import OperatorSettings, laptop_operator
from shared.provisioning.provision import provision

READY_SECONDS_MAX = 90
STOP_SECONDS_MAX = 20
_SHIPPED = Path(__file__).parent


@dataclass
class Deployed:
    """One deployment's process. It may be killed and started again; its address stays."""

    name: str
    """``programs.dinkop-samarinda``"""
    role: str
    url: str
    log: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        service, _, agency = self.name.partition(".")
        command = [sys.executable, "-m", "shared", "serve", service, "--agency", agency, "--role", self.role]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )

    def kill(self) -> None:
        """As a power cut would: no signal handler runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, [(signal.SIGTERM, STOP_SECONDS_MAX)])

    def resident_mb(self) -> float:
        """Resident memory of the process in MB; 0 where it does not run."""
        try:
            return psutil.Process(self.process.pid).memory_info().rss / 1e6 if self.process else 0.0
        except psutil.NoSuchProcess:
            return 0.0


@dataclass
class City:
    """`async with City(addresses, state) as city:` – provisioned, migrated, started and ready."""

    addresses: StackAddresses
    state: Path
    topic_root: str = "tuntas"
    say: Callable[[str], None] = lambda _: None
    roles: tuple[str, ...] = ("all",)
    roles_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Deployments that run in other roles: ``{"intake.dinsos-samarinda": ("api", "worker", "relay")}``."""
    directory: Path = _SHIPPED / "agencies.yaml"
    environment: dict[str, str] = field(default_factory=dict)
    """Further settings for every process, e.g. a smaller pool."""
    deployed: dict[str, Deployed] = field(default_factory=dict)
    process_of: Callable[[str, str, str, Path, dict[str, str]], Deployed] = Deployed
    """Makes a process of its name, role, address, log and environment; a drill starts them in its own way."""
    _issuer: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def operator(self) -> OperatorSettings:
        return laptop_operator(
            self.addresses,
            self.state,
            directory_file=self.state / "agencies.yaml",
            oidc_issuer=self.issuer_url,
            oidc_jwks_url=f"{self.issuer_url}/jwks",
            issuer_file=self.state / "people.yaml",
            clock_file=self.state / "clock",
            topic_root=self.topic_root,
        )

    @property
    def issuer_url(self) -> str:
        return f"http://127.0.0.1:{self._issuer_port()}"

    @property
    def clock(self) -> Clock:
        """The business clock of all processes of this city."""
        return Clock(self.state / "clock")

    async def __aenter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, shipped in (("agencies.yaml", self.directory), ("people.yaml", _SHIPPED / "people.yaml")):
            if not (self.state / name).exists():
                shutil.copyfile(shipped, self.state / name)
        end_survivors(lambda process: process.environ().get("TUNTAS_CITY") == str(self.state))
        try:
            await self._start()
        except BaseException:
            await asyncio.to_thread(self._stop_all)
            raise
        return self

    async def _start(self) -> None:
        self._start_issuer()
        self.say("Provisioning databases, principals and topics …")
        changed = await provision(self.operator, on=date.today())  # noqa: DTZ011 - authority is dated in real days
        self.say(f"{len(changed)} steps; {', '.join(self.here())} start.")
        for name in self.here():
            await self.deploy(name, wait=False)
        await self.wait_ready(list(self.deployed))

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._stop_all)

    def here(self) -> list[str]:
        """The deployments that this machine runs, by name."""
        directory = read_directory(self.state / "agencies.yaml", self.topic_root)
        return [str(each.id) for each in directory.deployments() if each.runs == "here"]

    async def deploy(self, name: str, *, wait: bool = True) -> None:
        """Start the process or processes of a provisioned deployment."""
        for role in self.roles_of.get(name, self.roles):
            key = name if role == "all" else f"{name}/{role}"
            variables = {"TUNTAS_DEPLOYMENTS": str(self.operator.deployments_dir), "TUNTAS_CITY": str(self.state)}
            if role not in ("all", "api"):
                variables["TUNTAS_HTTP_PORT"] = str(free_ports(1)[0])
            env = {**os.environ, **variables, **self.environment}
            url = self._url(name) if role in ("all", "api") else f"http://127.0.0.1:{variables['TUNTAS_HTTP_PORT']}"
            log = self.state / "logs" / f"{key.replace('/', '.')}.log"
            log.parent.mkdir(exist_ok=True)
            self.deployed[key] = self.process_of(key.partition("/")[0], role, url, log, env)
            self.deployed[key].start()
            if wait:
                await self.wait_ready([key])

    async def wait_ready(self, names: Iterable[str], within_s: float = READY_SECONDS_MAX) -> None:
        """Until each answers that all its parts work. Raises StackError with the end of its log otherwise."""
        async with httpx2.AsyncClient(timeout=5) as http:
            for name in names:
                await self._wait_ready(http, self.deployed[name], within_s)

    def url(self, service: str, agency: str) -> str:
        """Where a deployment's HTTP side answers."""
        return self._url(f"{service}.{agency}")

    def resident_mb(self) -> dict[str, float]:
        """Resident memory per process of ours, in MB; this one, with the issuer and the story, included."""
        ours = {name: each.resident_mb() for name, each in self.deployed.items()}
        return {**ours, "this": psutil.Process().memory_info().rss / 1e6}

    async def command(self, *arguments: str, check: bool = True) -> str:
        """Run a `tuntas` command as an operator would; its output.

        Raises StackError where it fails and ``check``; one that says nothing at all has always failed.
        """
        env = {
            **os.environ,
            "TUNTAS_DEPLOYMENTS": str(self.operator.deployments_dir),
            "TUNTAS_STATE_DIR": str(self.state),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shared", *arguments,
            env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode and (check or not out):
            raise StackError(f"tuntas {' '.join(arguments)}: {err.decode()[-2000:] or out.decode()[-2000:]}")
        return out.decode()

    async def reconcile(self) -> dict[str, Any]:
        """What `tuntas reconcile` finds over all deployments of this city, a command for each half of them at a time.

        ``deployments`` as the command reports them; ``differing``: the figures on which two of them disagree.
        """
        names = self.here()
        halves = [names[::2], names[1::2]]
        told = await asyncio.gather(*(self.command("reconcile", "--json", *half, check=False) for half in halves))
        reports = [report for each in told for report in json.loads(each)["deployments"]]
        figures: dict[str, set[int]] = {}
        for report in reports:
            for name, figure in report["totals"].items():
                figures.setdefault(name, set()).add(figure)
        differing = [f"{name}: {sorted(known)}" for name, known in figures.items() if len(known) > 1]
        return {"deployments": reports, "differing": differing}

    def move_clock(self, moment: datetime) -> None:
        self.clock.move_to(moment.astimezone(UTC))

    def _url(self, name: str) -> str:
        service, _, agency = name.partition(".")
        deployment = read_directory(self.state / "agencies.yaml", self.topic_root).deployment(service, agency)
        if deployment is None or deployment.url is None:
            raise StackError(f"{name} is not provisioned here.")
        return deployment.url

    async def _wait_ready(self, http: httpx2.AsyncClient, deployed: Deployed, within_s: float) -> None:
        last = "no answer"
        for _ in range(int(within_s / 0.1)):
            if deployed.process is None or deployed.process.poll() is not None:
                raise StackError(f"{deployed.name} has ended; {deployed.log} ends:\n{tail(deployed.log)}")
            try:
                answer = await http.get(f"{deployed.url}/readyz")
            except httpx2.TransportError as away:
                last = type(away).__name__
            else:
                if answer.status_code == 200:
                    return
                last = answer.text[:300]
            await asyncio.sleep(0.1)
        raise StackError(f"{deployed.name} is not ready: {last}; {deployed.log} ends:\n{tail(deployed.log)}")

    def _issuer_port(self) -> int:
        kept = self.state / "issuer.port"
        if not kept.exists():
            kept.write_text(str(free_ports(1)[0]), encoding="ascii")
        return int(kept.read_text(encoding="ascii"))

    def _start_issuer(self) -> None:
        wanted = self._issuer_port()
        (self.state / "issuer.port").write_text(str(free_ports(1, [wanted])[0]), encoding="ascii")
        issuer = Issuer(self.issuer_url, PeopleFile(self.state / "people.yaml"), self.state, mode="laptop")
        config = uvicorn.Config(
            make_issuer_app(issuer), host="127.0.0.1", port=self._issuer_port(), log_config=None, access_log=False
        )
        self._issuer = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._issuer.run, name="issuer", daemon=True)
        self._thread.start()

    def _stop_all(self) -> None:
        running = [each for each in self.deployed.values() if each.process is not None]
        for each in running:
            if each.process is not None and each.process.poll() is None:
                each.process.send_signal(signal.SIGTERM)
        for each in running:
            each.stop()
        if self._issuer is not None and self._thread is not None:
            self._issuer.should_exit = True
            self._thread.join(STOP_SECONDS_MAX)
