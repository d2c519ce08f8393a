"""The city of a drill: real processes, forked from a nursery, each of which can be killed, suspended and started."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import asyncpg
import httpx2
import psutil
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from local.city import City, Deployed
from local.stack.processes import free_ports
from local.story.desk import Desk, IssuerTokens
from shared.events.topics import consumer_group, parse_topic
from tests.drills.nursery import Birth, Child, Nursery, dying_at

if TYPE_CHECKING:
    from tests.drills.bulk import BulkLoad
    from tests.drills.load import Load
    from tests.drills.scene import Scene

_FIGURE = re.compile(r"^(tuntas_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LOOK_SECONDS = 0.3
_ENDS_LOOK_SECONDS = 0.05
_LAST_WORDS_BYTES = 400
_DIRECTORY = Path(__file__).parent / "agencies.yaml"
BEGINS = datetime(2022, 12, 19, 9, tzinfo=ZoneInfo("Asia/Makassar"))
"""The business day on which every drill plays: programmes, decrees and payments are of one fiscal year."""


@dataclass
class Forked(Deployed):
    """A deployment's process, forked from the nursery."""

    nursery: Nursery = field(default_factory=lambda: Nursery(Path()))
    dies_at: tuple[str, int] | None = None
    """Where the process kills itself after its next start, once."""
    fault: list[str] = field(default_factory=list)
    """What ``faults.py`` does to it at every start."""
    everywhere: list[str] = field(default_factory=list)
    """The same for all processes of the city."""
    log_begins_at: int = 0
    """Where in the log its present life begins."""

    def start(self) -> None:
        self.log_begins_at = self.log.stat().st_size if self.log.exists() else 0
        service, _, agency = self.name.partition(".")
        env_file = Path(self.env["TUNTAS_DEPLOYMENTS"]) / f"{service}.{agency}.env"
        birth = Birth(
            service, self.role, self._own_env(), str(env_file), str(self.log), self.dies_at, self.fault, self.everywhere
        )
        self.process, self.dies_at = self.nursery.bear(birth), None  # type: ignore[assignment]

    def _own_env(self) -> dict[str, str]:
        return {name: value for name, value in self.env.items() if name.startswith("TUNTAS_")}


@dataclass
class DrillProcess:
    """One process of the city as a drill treats it."""

    key: str
    """``programs.dinsos-samarinda`` or, apart, ``programs.dinsos-samarinda/worker``."""
    deployed: Forked
    scene: Scene | None = None
    """Whose kills are counted."""

    @property
    def name(self) -> str:
        return self.deployed.name

    @property
    def role(self) -> str:
        return self.deployed.role

    @property
    def pid(self) -> int:
        return self.deployed.process.pid if self.deployed.process else 0

    @property
    def runs(self) -> bool:
        return self.deployed.process is not None and self.deployed.process.poll() is None

    def arm(self, point: str, nth: int = 1) -> None:
        """After its next start it kills itself the nth time it reaches the point."""
        self.deployed.dies_at = (point, nth)

    async def start(self) -> None:
        """Start it; it is not ready yet when this returns. One that runs is left alone."""
        if not self.runs:
            self.deployed.start()

    async def kill(self) -> bool:
        """SIGKILL; nothing of it is left when this returns. Whether it still ran: only then a kill is counted."""
        ran = self.runs
        await asyncio.to_thread(self.deployed.kill)
        if ran and self.scene is not None:
            self.scene.kills += 1
        return ran

    def died_at(self, point: str) -> bool:
        """Whether one that has ended says that it killed itself there, and not that something else ended it."""
        with self.deployed.log.open("rb") as log:
            log.seek(max(self.deployed.log_begins_at, log.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
            return dying_at(point).encode() in log.read()

    def count_death_at(self, point: str) -> bool:
        """The same; such a death is a kill and is counted here. Call it once for each life."""
        died = self.died_at(point)
        if died and self.scene is not None:
            self.scene.kills += 1
        return died

    async def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself so soon."""
        ends_at = time.monotonic() + seconds
        while self.runs:
            if time.monotonic() > ends_at:
                return False
            await asyncio.sleep(_ENDS_LOOK_SECONDS)
        return True

    async def stop(self) -> None:
        """SIGTERM, and whatever it drains."""
        await asyncio.to_thread(self.deployed.stop)

    async def suspend(self) -> None:
        """SIGSTOP: it holds all it has and does nothing."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def metrics(self) -> dict[str, float]:
        """Its figures by name; those with labels are summed. Empty where it does not answer."""
        async with httpx2.AsyncClient(timeout=5) as http:
            try:
                text = (await http.get(f"{self.deployed.url}/metrics")).text
            except httpx2.TransportError:
                return {}
        found: dict[str, float] = {}
        for name, _, value in _FIGURE.findall(text):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of ``/readyz``; 0 where it does not answer."""
        async with httpx2.AsyncClient(timeout=5) as http:
            try:
                answer = await http.get(f"{self.deployed.url}/readyz")
            except httpx2.TransportError:
                return 0, {}
        return answer.status_code, answer.json()

    def cpu_seconds(self) -> float:
        """What it has used since its birth; 0 where it does not run."""
        try:
            used = psutil.Process(self.pid).cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(used.user + used.system)

    def resident_mb(self) -> float:
        return self.deployed.resident_mb()

    def _signal(self, number: int) -> None:
        if self.deployed.process is not None:
            self.deployed.process.send_signal(number)


@dataclass
class Said:
    """Records of topics, and the events among them: by their ids, each once however often it was sent."""

    records: int = 0
    events: int = 0


@dataclass
class DrillCity(City):
    """`async with scene.city() as city:`"""

    directory: Path = _DIRECTORY
    scene: Scene | None = None
    everywhere: list[str] = field(default_factory=list)
    """What ``faults.py`` does to every process at every start."""
    http: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(limits=httpx2.Limits(max_connections=64))
    )
    _tokens: IssuerTokens | None = None

    async def __aenter__(self) -> Self:
        self._nursery = Nursery(self.state / "nursery.log")
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.process_of = self._forked
        self.move_clock(BEGINS)
        self._nursery.open()
        try:
            return await super().__aenter__()
        except BaseException:
            self._nursery.close()
            raise

    async def __aexit__(self, *error: object) -> None:
        for process in self.processes.values():
            await process.resume()
        await super().__aexit__(*error)
        self._nursery.close()
        await self.http.aclose()

    def _forked(self, name: str, role: str, url: str, log: Path, env: dict[str, str]) -> Deployed:
        return Forked(name, role, url, log, env, nursery=self._nursery, everywhere=self.everywhere)

    @property
    def processes(self) -> dict[str, DrillProcess]:
        forked = ((key, each) for key, each in self.deployed.items() if isinstance(each, Forked))
        return {key: DrillProcess(key, each, self.scene) for key, each in forked}

    def of(self, name: str, role: str | None = None) -> list[DrillProcess]:
        """The processes of a deployment, or those of one role of it."""
        found = self.processes.values()
        return [each for each in found if each.name == name and role in (None, each.role)]

    async def start_another(self, name: str, role: str, *, wait: bool = True) -> DrillProcess:
        """One process more of a deployment that runs apart, with the fault of the first, if it has one."""
        key = f"{name}/{role}-{len(self.of(name, role)) + 1}"
        first = self.of(name, role)[0].deployed
        port = free_ports(1)[0]
        env = {**first.env, "TUNTAS_HTTP_PORT": str(port)}
        log = first.log.with_name(f"{key.replace('/', '.')}.log")
        self.deployed[key] = Forked(
            name,
            role,
            f"http://127.0.0.1:{port}",
            log,
            env,
            nursery=self._nursery,
            fault=list(first.fault),
            everywhere=self.everywhere,
        )
        self.deployed[key].start()
        if wait:
            await self.wait_ready([key])
        return self.processes[key]

    async def all_start(self) -> None:
        """Start whatever does not run, and wait until every process is ready."""
        for process in self.processes.values():
            await process.resume()
            await process.start()
        await self.wait_ready(list(self.deployed))

    def begin_command(self, log: Path, command: str, name: str, *words: str, fault: Sequence[str] = ()) -> Child:
        """Begin a `tuntas` command about a deployment, as an operator would; what it says goes to the log."""
        service, _, agency = name.partition(".")
        env = {"TUNTAS_DEPLOYMENTS": str(self.operator.deployments_dir), "TUNTAS_STATE_DIR": str(self.state)}
        said = [command, service, "--agency", agency, *words]
        return self._nursery.bear(Birth(service, "", env, "", str(log), fault=list(fault), command=said))

    def desk(self, service: str, agency: str, title: str, patience_s: float = 120.0) -> Desk:
        """Somebody of an agency at a deployment; ``patience_s`` 0 means one attempt."""
        self._tokens = self._tokens or IssuerTokens(self.http, f"{self.issuer_url}/token")
        return Desk(self.http, self._tokens, self.url(service, agency), f"{agency}.{title}", patience_s)

    def groups(self) -> list[str]:
        """The consumer groups of all deployments."""
        named = (name.partition(".") for name in self.here())
        return [consumer_group(self.topic_root, service, agency) for service, _, agency in named]

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection to a deployment's database with its own role: for looking only."""
        settings = (self.operator.deployments_dir / f"{name}.env").read_text(encoding="utf-8")
        found = re.search(r"^TUNTAS_DATABASE_URL=[\"']?([^\"'\n]+)", settings, re.MULTILINE)
        assert found is not None
        connection = await asyncpg.connect(found[1])
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def bulk_load(self, files: int) -> AsyncIterator[BulkLoad]:
        """A load that comes to an end: so many files, whose families all go the whole way."""
        from tests.drills.bulk import BulkLoad

        assert self.scene is not None
        load = BulkLoad(self, self.scene, registrations=1, decisions=1, disbursements=1, files=files)
        await load.start()
        try:
            yield load
        finally:
            await load.stop()

    @asynccontextmanager
    async def load(self, *, registrations: int = 4, decisions: int = 2, disbursements: int = 1) -> AsyncIterator[Load]:
        """Clients at work until ``stop`` is called on what this gives, or the block ends."""
        from tests.drills.load import Load

        assert self.scene is not None
        load = Load(self, self.scene, registrations, decisions, disbursements)
        await load.start()
        try:
            yield load
        finally:
            await load.stop()

    async def settled(self, within: float = 120.0) -> None:
        """Until nothing is unsent, unheard or due anywhere. Raises TimeoutError with what is still at work."""
        ends_at = time.monotonic() + within
        while at_work := await self._at_work():
            if time.monotonic() > ends_at:
                raise TimeoutError(f"Not settled within {within:.0f} s: {at_work}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def judge(self) -> None:
        """Reconcile everything and hold the journal against the tables; counts go to the scene's outcome."""
        from tests.drills.judging import judge

        assert self.scene is not None
        await judge(self, self.scene)

    async def said(self) -> Said:
        """What all topics of this city hold."""
        ends, said, ids = await self._ends(), Said(), set[bytes]()
        left = {place for place, end in ends.items() if end}
        async with AIOKafkaConsumer(
            **self.addresses.kafka.aiokafka(), auto_offset_reset="earliest", max_partition_fetch_bytes=4 * 1024 * 1024
        ) as consumer:
            consumer.assign(left)
            while left:
                for records in (await consumer.getmany(timeout_ms=500, max_records=5_000)).values():
                    said.records += len(records)
                    ids.update(value for each in records for name, value in each.headers if name == "ce_id" and value)
                left = {place for place in left if await consumer.position(place) < ends[place]}
        said.events = len(ids)
        return said

    async def _at_work(self) -> dict[str, Any]:
        """What keeps the city from being settled, by the servers' own word; the outboxes first, then the groups."""
        found: dict[str, Any] = {}
        for name in self.here():
            async with self.database(name) as connection:
                unsent = await connection.fetchval("select count(*) from kernel.outbox")
                due = await connection.fetch(
                    "select kind, count(*) as n from kernel.due where failed_at is null and at <= $1 group by kind",
                    self.clock.now(),
                )
            if unsent or due:
                found[name] = {"unsent": unsent, **{row["kind"]: row["n"] for row in due}}
        return found or await self.behind()

    async def behind(self) -> dict[str, int]:
        """How many records each group has not heard yet, by the brokers' word; without those that heard everything."""
        ends = await self._ends()
        admin = AIOKafkaAdminClient(**self.addresses.kafka.aiokafka())
        await admin.start()
        try:
            found: dict[str, int] = {}
            for group in self.groups():
                offsets = await admin.list_consumer_group_offsets(group)
                heard = {place: meta.offset for place, meta in offsets.items() if meta.offset >= 0}
                # A group has no offset where it never heard anything: it reads all facts, and the profiles granted.
                behind = sum(
                    max(0, end - heard.get(place, 0))
                    for place, end in ends.items()
                    if place in heard or parse_topic(place.topic, self.topic_root).kind == "facts"  # type: ignore[union-attr]
                )
                if behind:
                    found[group] = behind
        finally:
            await admin.close()
        return found

    async def _ends(self) -> dict[Any, int]:
        async with AIOKafkaConsumer(**self.addresses.kafka.aiokafka()) as consumer:
            topics = [each for each in await consumer.topics() if parse_topic(each, self.topic_root)]
            admin = AIOKafkaAdminClient(**self.addresses.kafka.aiokafka())
            await admin.start()
            try:
                places = await _places(admin, topics)
            finally:
                await admin.close()
            consumer.assign(places)
            consumer.pause(*places)
            ends: dict[Any, int] = await consumer.end_offsets(places)
            return ends


async def _places(admin: Any, topics: Sequence[str]) -> list[Any]:
    from aiokafka import TopicPartition

    described = await admin.describe_topics(list(topics))
    return [TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]]
