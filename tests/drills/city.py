"""The city of a drill: real processes, forked from a nursery, each of which can be killed, suspended and started."""

from __future__ import annotations

import asyncio
import re
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
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from local.city import City, Deployed
from local.stack.processes import free_ports
from local.story.desk import Desk, IssuerTokens
from shared.events.topics import consumer_group, parse_topic
from tests.drills import handled
from tests.drills.announced import Announced
from tests.drills.nursery import Birth, Child, Nursery
from tests.drills.process import DrillProcess, Forked

if TYPE_CHECKING:
    from tests.drills.bulk import BulkLoad
    from tests.drills.load import Load
    from tests.drills.scene import Scene

_LOOK_SECONDS = 0.3
_DIRECTORY = Path(__file__).parent / "agencies.yaml"
BEGINS = datetime(2022, 12, 19, 9, tzinfo=ZoneInfo("Asia/Makassar"))
"""The business day on which every drill plays: programmes, decrees and payments are of one fiscal year."""


@dataclass
class DrillCity(City):
    """`async with scene.city() as city:`"""

    directory: Path = _DIRECTORY
    scene: Scene | None = None
    everywhere: list[str] = field(default_factory=list)
    """What ``faults.py`` does to every process at every start."""
    notes: str | None = None
    """A deployment whose handlers write down what they take: so it is judged, too, that they take it once, in order."""
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
        always = ["note_handled"] if name == self.notes else []
        return Forked(name, role, url, log, env, nursery=self._nursery, everywhere=self.everywhere, always=always)

    async def deploy(self, name: str, *, wait: bool = True) -> None:
        if name == self.notes:
            async with self.database(name) as connection:
                await connection.execute(handled.TABLE)
        await super().deploy(name, wait=wait)

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
            always=list(first.always),
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

    async def announced(self) -> Announced:
        """What all topics of this city hold."""
        ends, announced = await self._ends(), Announced(self.topic_root)
        left = {place for place, end in ends.items() if end}
        async with AIOKafkaConsumer(
            **self.addresses.kafka.aiokafka(), auto_offset_reset="earliest", max_partition_fetch_bytes=4 * 1024 * 1024
        ) as consumer:
            consumer.assign(left)
            while left:
                for records in (await consumer.getmany(timeout_ms=500, max_records=5_000)).values():
                    for each in records:
                        announced.note(each)
                left = {place for place in left if await consumer.position(place) < ends[place]}
        return announced

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
                try:
                    offsets = await admin.list_consumer_group_offsets(group)
                except KafkaError:
                    # A broker that has just started cannot say yet.
                    found[group] = sum(ends.values())
                    continue
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

    async def held(self, name: str) -> dict[str, set[int]]:
        """The partitions of each member of a deployment's group, by the brokers' word; none while it rebalances."""
        service, _, agency = name.partition(".")
        admin = AIOKafkaAdminClient(**self.addresses.kafka.aiokafka())
        await admin.start()
        try:
            [answer] = await admin.describe_consumer_groups([consumer_group(self.topic_root, service, agency)])
        finally:
            await admin.close()
        [group] = answer.to_object()["groups"]
        if group["state"] != "Stable":
            return {}
        decode = ConsumerProtocolMemberAssignment.decode
        return {
            member["member_id"]: {place.partition for place in decode(member["member_assignment"]).partitions()}
            for member in group["members"]
        }

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
