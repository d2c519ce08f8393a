"""18. Two faults at a time: deaths, sleepers, servers that go, repeated and poisoned records, handlers that fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

import asyncpg
from aiokafka.errors import KafkaError

from shared.events.topics import PARTITIONS, fact_topic
from tests.drills.coming_true import comes_true
from tests.drills.drill_09_poison import dismiss_poison
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.load import DINSOS
from tests.drills.looking import parked_by_reason, redrive_those
from tests.drills.poison import BINARY_KEY, KINDS, NO_KEY, Place, Said
from tests.drills.poisoned import judge_parked
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene
from tests.drills.stack import Server
from tests.drills.storm import points_of

DRILL = Drill(18, "mixed chaos, two faults at a time")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in ("intake", "programs")}
FAILS = f"programs.{DINSOS}"
WORKERS_MAX = 3
POISON = 6
REPEATED = 100
DIES_WITHIN_SECONDS = 8.0
ROUNDS_MAX = 30
TRIES_MAX = 20
TRIES_AGAIN_AFTER_SECONDS = 0.5
"""A fault whose server the other one has down waits for it."""
FALLS_ASLEEP_WITHIN_SECONDS = 1.0
PARKED_WITHIN_SECONDS = 60.0
FAILED = "handler-failed"
HANDLERS_FAIL = "handlers-fail"
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
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
            for number in range(scene.at_size(5, 25)):
                pair = next(pairs)
                played.update(pair)
                await asyncio.gather(*(chaos.play(name, scene.random_for(f"{name} {number}")) for name in pair))
                await city.all_start()
                await chaos.mend_handlers()
                await load.until(acknowledged=10)
            await load.until_paid()
            await load.stop()
        report(scene, played, chaos)
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


def report(scene: Scene, played: Counter[str], chaos: Chaos) -> None:
    """Each fault that was dealt had its effect at least once."""
    scene.note("faults", dict(sorted(played.items())))
    scene.note("effects", {name: chaos.effects[name] for name in sorted(played)})
    scene.note("deaths", dict(sorted(chaos.deaths.items())))
    vain = sorted(name for name in played if not chaos.effects[name])
    scene.expect(not vain, f"Each fault has an effect; none had {', '.join(vain)}.")


async def mend(scene: Scene, city: DrillCity, poison: int) -> None:
    """What waits because a handler failed is re-driven, with all that this announces; then poison is given up."""
    for _ in range(ROUNDS_MAX):
        redriven = await redrive_those(city, {FAILED})
        await city.settled(within=240)
        if not redriven.total():
            break
    left = (await parked_by_reason(city))[FAILED]
    scene.expect(not left, f"After the mend no handler fails: {left} records wait all the same.")
    await dismiss_poison(scene, city, poison)


@dataclass
class Chaos:
    """The faults, and what has come of them. Any two may be at work on the same process.

    Each fault draws from the generator that it is given, and returns how much it did.
    """

    scene: Scene
    city: DrillCity
    foreign: Foreigner
    said: list[Said] = field(default_factory=list)
    """Poison that a broker has acknowledged."""
    unsure: set[bytes] = field(default_factory=set)
    """Keys of poison of which is not known how often it was said: the other fault had the server down."""
    effects: Counter[str] = field(default_factory=Counter)
    """Of each fault, how much it did: processes, stops, connections, or records."""
    deaths: Counter[str] = field(default_factory=Counter)
    """At points, by role."""
    failings: int = 0
    parked: int = 0
    """Records that waited because a handler failed, at the last mend; they wait until the end."""
    _failing: Path | None = None
    """Where the handlers that fail look for their mend."""

    def faults(self) -> dict[str, Callable[[Random], Awaitable[int]]]:
        return {
            "kill": self.kill,
            "die-at-a-point": self.die_at_a_point,
            "suspend": self.suspend,
            "kafka-killed": self.kill_kafka,
            "postgres-stopped": self.stop_postgres,
            "connections-ended": self.end_connections,
            "poison": self.poison,
            "repeated": self.repeat,
            HANDLERS_FAIL: self.fail_handlers,
            "workers-come-and-go": self.come_or_go,
        }

    async def play(self, name: str, chance: Random) -> None:
        self.effects[name] += await self.faults()[name](chance)

    async def kill(self, chance: Random) -> int:
        killed = 0
        for process in self.a_few(chance):
            await asyncio.sleep(chance.uniform(0, 0.5))
            killed += await process.kill()
        return killed

    async def die_at_a_point(self, chance: Random) -> int:
        """Until somebody died there, or three times in vain: what was chosen may have nothing to do."""
        before = self.deaths.total()
        for _ in range(3):
            await self.a_few_die_at_points(chance)
            if self.deaths.total() > before:
                break
        return self.deaths.total() - before

    async def a_few_die_at_points(self, chance: Random) -> None:
        """None of them is about to die any more when this returns: whoever has not come to its point is killed."""
        armed: list[tuple[DrillProcess, str]] = []
        for process in self.a_few(chance):
            await process.kill()
            point = chance.choice(points_of(process))
            process.arm(point, chance.randint(1, 3))
            await process.start()
            armed.append((process, point))
        await asyncio.gather(*(process.ends_within(DIES_WITHIN_SECONDS) for process, _ in armed))
        for process, point in armed:
            # Who does not run was killed by the other fault, or died at its point.
            if not await process.kill() and process.count_death_at(point):
                self.deaths[f"{process.role} {point}"] += 1

    async def suspend(self, chance: Random) -> int:
        """Shorter than a session or longer: whoever wakes up finds that somebody else may have gone on."""
        processes = self.a_few(chance)
        asleep = 0
        for process in processes:
            await process.suspend()
            # The other fault may have killed it.
            asleep += process.runs and await comes_true(process.is_asleep, within=FALLS_ASLEEP_WITHIN_SECONDS)
        await asyncio.sleep(chance.choice([1.0, 14.0]))
        for process in processes:
            await process.resume()
        return asleep

    async def kill_kafka(self, chance: Random) -> int:
        return await self.fell(self.scene.kafka, chance.uniform(0, 1), chance.uniform(0, 2))

    async def stop_postgres(self, chance: Random) -> int:
        return await self.fell(self.scene.postgres, chance.uniform(0, 1), chance.uniform(0, 1))

    async def fell(self, server: Server, after_s: float, for_s: float) -> int:
        before = server.stops
        await asyncio.sleep(after_s)
        await server.kill()
        await asyncio.sleep(for_s)
        await server.start()
        return server.stops - before

    async def end_connections(self, chance: Random) -> int:
        """Three times; where the other fault has the whole server down, when it is back."""
        ended = times = 0
        for _ in range(TRIES_MAX):
            await asyncio.sleep(chance.uniform(0, 0.7))
            try:
                ended += await self.scene.postgres.end_connections()
            except AWAY:
                await asyncio.sleep(TRIES_AGAIN_AFTER_SECONDS)
                continue
            times += 1
            if times == 3:
                break
        return ended

    async def poison(self, chance: Random) -> int:
        """Of any kind, for households that nobody knows, on topics of three announcers."""
        before = len(self.said)
        for _ in range(POISON):
            service = chance.choice(("intake", "verification", "programs"))
            topic = fact_topic(self.city.topic_root, service, DINSOS)
            place = Place(topic, chance.randrange(PARTITIONS), service, DINSOS)
            kind, household = chance.choice(WITH_A_HOUSEHOLD), UUID(int=chance.getrandbits(128), version=4)
            stops = self.scene.kafka.stops
            try:
                offset = await KINDS[kind].say(self.foreign, place, household)
            except KafkaError:
                self.unsure.add(str(household).encode())
                continue
            if self.scene.kafka.stops != stops:
                # Around a stop of the server it may have been said twice.
                self.unsure.add(str(household).encode())
            else:
                self.said.append(Said(kind, place.topic, place.partition, offset))
        return len(self.said) - before

    async def repeat(self, chance: Random) -> int:
        """Records of any age once more; where the other fault has the server down, when it is back."""
        for _ in range(TRIES_MAX):
            try:
                # A client cannot say once more what has a header whose name is no text.
                said = [
                    each for each in await self.foreign.all_said() if all(name.isascii() for name, _ in each.headers)
                ]
                return await self.foreign.say_again(chance.sample(said, min(len(said), REPEATED)))
            except KafkaError:
                await asyncio.sleep(TRIES_AGAIN_AFTER_SECONDS)
        return 0

    async def fail_handlers(self, chance: Random) -> int:
        """What hears a verdict fails for some families until ``mend_handlers``, which counts what was parked then."""
        self.failings += 1
        folder = self._failing = self.scene.folder / f"failing-{self.failings}"
        folder.mkdir(parents=True)
        for worker in self.city.of(FAILS, "worker"):
            await worker.kill()
            worker.deployed.fault = ["fail_verified", str(folder)]
            await worker.start()
        await asyncio.sleep(chance.uniform(2, 5))
        return 0

    async def mend_handlers(self) -> None:
        """When the round is over, everybody runs, and something was parked; that is re-driven at the end."""
        if self._failing is None:
            return
        before = self.parked

        async def something_is_parked() -> bool:
            return await self.parked_for_good() > before

        await comes_true(something_is_parked, within=PARKED_WITHIN_SECONDS)
        self.parked = await self.parked_for_good()
        self.effects[HANDLERS_FAIL] += self.parked - before
        (self._failing / "mended").touch()
        for worker in self.city.of(FAILS, "worker"):
            worker.deployed.fault = []
        self._failing = None

    async def parked_for_good(self) -> int:
        """How many records wait because a handler failed."""
        async with self.city.database(FAILS) as connection:
            return int(await connection.fetchval(_FAILED, FAILED))

    async def come_or_go(self, chance: Random) -> int:
        """A worker joins; where there are enough, one leaves, and comes back when this round is over."""
        workers = self.city.of(FAILS, "worker")
        if len(workers) < WORKERS_MAX:
            await self.city.start_another(FAILS, "worker", wait=False)
            moved = 1
        else:
            moved = int(await chance.choice(workers).kill())
        await asyncio.sleep(chance.uniform(1, 4))
        return moved

    def a_few(self, chance: Random) -> list[DrillProcess]:
        return chance.sample(sorted(self.city.processes.values(), key=lambda each: each.key), 3)


_FAILED = "select count(*) from kernel.parked where state = 'waiting' and reason = $1"
