"""18. Two faults at a time: deaths, sleepers, servers that go, repeated and poisoned records, handlers that fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
from aiokafka.errors import KafkaError

from shared.events.topics import PARTITIONS, fact_topic
from tests.drills.drill_09_poison import dismiss_poison
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.load import DINSOS
from tests.drills.looking import redrive_those
from tests.drills.poison import BINARY_KEY, KINDS, NO_KEY, Place, Said
from tests.drills.poisoned import judge_parked
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene
from tests.drills.storm import points_of

DRILL = Drill(18, "mixed chaos, two faults at a time")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in ("intake", "programs")}
FAILS = f"programs.{DINSOS}"
WORKERS_MAX = 3
POISON = 6
REPEATED = 100
DIES_WITHIN_SECONDS = 8.0
ROUNDS_MAX = 30
WITH_A_HOUSEHOLD = sorted(set(KINDS) - {NO_KEY, BINARY_KEY})


@DRILL.run
async def run(scene: Scene) -> None:
    played = Counter[str]()
    async with (
        scene.city(roles_of=APART, notes=FAILS) as city,
        foreigner(scene.stack.kafka, city.topic_root) as foreign,
    ):
        chaos = Chaos(scene, city, foreign)
        async with city.load() as load:
            # A family whose record waits for the mend is not waited for.
            load.waits_s = 10.0
            await load.until(acknowledged=10)
            pairs = dealt(scene, sorted(chaos.faults()))
            for _ in range(scene.at_size(5, 25)):
                pair = next(pairs)
                played.update(pair)
                await asyncio.gather(*(chaos.faults()[name]() for name in pair))
                await city.all_start()
                await load.until(acknowledged=10)
            await load.until_paid()
            await load.stop()
        scene.note("faults", dict(sorted((played - chaos.missed).items())))
        scene.note("deaths", dict(sorted(chaos.deaths.items())))
        scene.expect(bool(chaos.deaths), "Somebody died at a named point.")
        await city.settled(within=240)
        scene.note("poison", {"said": len(chaos.said), "unsure": len(chaos.unsure)})
        await judge_parked(scene, city, chaos.said, FAILS, unsure=chaos.unsure)
        await mend(scene, city, len(chaos.said) + len(chaos.unsure))
        await city.judge()


def dealt(scene: Scene, names: list[str]) -> Iterator[list[str]]:
    """Two at a time, and each of them once before one comes again."""
    while True:
        deck = scene.random.sample(names, len(names))
        yield from (deck[place : place + 2] for place in range(0, len(deck) - 1, 2))


async def mend(scene: Scene, city: DrillCity, poison: int) -> None:
    """What waits because a handler failed is re-driven, with all that this announces; then poison is given up."""
    for _ in range(ROUNDS_MAX):
        redriven = await redrive_those(city, {"handler-failed"})
        await city.settled(within=240)
        if not redriven.total():
            break
    await dismiss_poison(scene, city, poison)


@dataclass
class Chaos:
    """The faults, and what has come of them. Any two may be at work on the same process."""

    scene: Scene
    city: DrillCity
    foreign: Foreigner
    said: list[Said] = field(default_factory=list)
    """Poison that a broker has acknowledged."""
    unsure: set[bytes] = field(default_factory=set)
    """Keys of poison of which is not known how often it was said: the other fault had the server down."""
    missed: Counter[str] = field(default_factory=Counter)
    """Faults that were dealt and could not be done, because the other one had the server down."""
    deaths: Counter[str] = field(default_factory=Counter)
    """At points, by role."""
    failings: int = 0

    def faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "kill": self.kill,
            "die-at-a-point": self.die_at_a_point,
            "suspend": self.suspend,
            "kafka-killed": self.kill_kafka,
            "postgres-stopped": self.stop_postgres,
            "connections-ended": self.end_connections,
            "poison": self.poison,
            "repeated": self.repeat,
            "handlers-fail": self.fail_handlers,
            "workers-come-and-go": self.come_or_go,
        }

    async def kill(self) -> None:
        for process in self.a_few():
            await asyncio.sleep(self.scene.random.uniform(0, 0.5))
            await process.kill()

    async def die_at_a_point(self) -> None:
        """Until somebody died there, or three times in vain: what was chosen may have nothing to do."""
        before = self.deaths.total()
        for _ in range(3):
            await self.a_few_die_at_points()
            if self.deaths.total() > before:
                return

    async def a_few_die_at_points(self) -> None:
        """None of them is about to die any more when this returns: whoever has not come to its point is killed."""
        armed: list[tuple[DrillProcess, str]] = []
        for process in self.a_few():
            await process.kill()
            point = self.scene.random.choice(points_of(process))
            process.arm(point, self.scene.random.randint(1, 3))
            await process.start()
            armed.append((process, point))
        await asyncio.gather(*(process.ends_within(DIES_WITHIN_SECONDS) for process, _ in armed))
        for process, point in armed:
            # Who does not run was killed by the other fault, or died at its point.
            if not await process.kill() and process.count_death_at(point):
                self.deaths[f"{process.role} {point}"] += 1

    async def suspend(self) -> None:
        """Shorter than a session or longer: whoever wakes up finds that somebody else may have gone on."""
        processes = self.a_few()
        for process in processes:
            await process.suspend()
        await asyncio.sleep(self.scene.random.choice([1.0, 14.0]))
        for process in processes:
            await process.resume()

    async def kill_kafka(self) -> None:
        await asyncio.sleep(self.scene.random.uniform(0, 1))
        await self.scene.kafka.kill()
        await asyncio.sleep(self.scene.random.uniform(0, 2))
        await self.scene.kafka.start()

    async def stop_postgres(self) -> None:
        await asyncio.sleep(self.scene.random.uniform(0, 1))
        await self.scene.postgres.kill()
        await asyncio.sleep(self.scene.random.uniform(0, 1))
        await self.scene.postgres.start()

    async def end_connections(self) -> None:
        for _again in range(3):
            await asyncio.sleep(self.scene.random.uniform(0, 0.7))
            try:
                await self.scene.postgres.end_connections()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return  # The other fault has the whole server down.

    async def poison(self) -> None:
        """Of any kind, for households that nobody knows, on topics of three announcers."""
        for _ in range(POISON):
            service = self.scene.random.choice(("intake", "verification", "programs"))
            topic = fact_topic(self.city.topic_root, service, DINSOS)
            place = Place(topic, self.scene.random.randrange(PARTITIONS), service, DINSOS)
            kind, household = self.scene.random.choice(WITH_A_HOUSEHOLD), uuid4()
            stops = self.scene.kafka.stops
            try:
                offset = await KINDS[kind].say(self.foreign, place, household)
            except KafkaError:
                self.unsure.add(str(household).encode())
                self.missed["poison"] += 1
                return
            if self.scene.kafka.stops != stops:
                # Around a stop of the server it may have been said twice.
                self.unsure.add(str(household).encode())
            else:
                self.said.append(Said(kind, place.topic, place.partition, offset))

    async def repeat(self) -> None:
        """Records of any age once more."""
        try:
            # A client cannot say once more what has a header whose name is no text.
            said = [each for each in await self.foreign.all_said() if all(name.isascii() for name, _ in each.headers)]
            await self.foreign.say_again(self.scene.random.sample(said, min(len(said), REPEATED)))
        except KafkaError:
            self.missed["repeated"] += 1

    async def fail_handlers(self) -> None:
        """What hears a verdict fails for some families for a while; what was parked then is re-driven at the end."""
        self.failings += 1
        folder = self.scene.folder / f"failing-{self.failings}"
        folder.mkdir(parents=True)
        workers = self.city.of(FAILS, "worker")
        for worker in workers:
            await worker.kill()
            worker.deployed.fault = ["fail_verified", str(folder)]
            await worker.start()
        await asyncio.sleep(self.scene.random.uniform(2, 5))
        (folder / "mended").touch()
        for worker in workers:
            worker.deployed.fault = []

    async def come_or_go(self) -> None:
        """A worker joins; where there are enough, one leaves, and comes back when this round is over."""
        workers = self.city.of(FAILS, "worker")
        if len(workers) < WORKERS_MAX:
            await self.city.start_another(FAILS, "worker", wait=False)
        else:
            await self.scene.random.choice(workers).kill()
        await asyncio.sleep(self.scene.random.uniform(1, 4))

    def a_few(self) -> list[DrillProcess]:
        return self.scene.random.sample(list(self.city.processes.values()), 3)
