"""10. Workers come and go every second; a worker and a relay wake up after their sessions: nothing happens twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.events.topics import PARTITIONS
from tests.drills.asleep import falls_asleep
from tests.drills.coming_true import comes_true
from tests.drills.relays_asleep import RELAYED, judge_profiles, sleep_past_their_sessions
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene
from tests.drills.storm import SHORT_SESSION_MS

DRILL = Drill(10, "rebalance storm and a paused zombie past its session")
STORMY = ("verification.dinsos-samarinda", "programs.dinsos-samarinda")
APART = ("api", "worker", "relay")
SHORT_SESSIONS = ["short_sessions", str(SHORT_SESSION_MS), "4000"]
WORKERS_MAX = 4
POINTS = ("after-read", "before-database-commit", "after-database-commit", "before-offset-commit")
SOMEWHERE = "somewhere"
MOVES_WITHIN_S = 60.0
LOOK_S = 0.5
PAST_SESSION_S = SHORT_SESSION_MS / 1000 + 2


@DRILL.run
async def run(scene: Scene) -> None:
    name = scene.random.choice(STORMY)
    roles = {name: APART, RELAYED: APART}
    async with scene.city(roles_of=roles, everywhere=SHORT_SESSIONS, notes=name) as city:
        for _ in range(WORKERS_MAX - 1):
            await city.start_another(name, "worker", wait=False)
        await city.all_start()
        async with city.load() as load, moves_counted(city, name) as moves:
            for _ in range(scene.at_size(8, 60)):
                await come_or_go(scene, city.of(name, "worker"))
                await asyncio.sleep(scene.random.uniform(0.5, 1.5))
            slept_at = Counter[str]()
            for _ in range(scene.at_size(1, 8)):
                slept_at[await sleep_past_the_session(scene, city, name)] += 1
            scene.note("slept_at", dict(slept_at))
            scene.expect(not slept_at[SOMEWHERE], f"Each sleeper sleeps at the point that was named: {dict(slept_at)}")
            changed = await sleep_past_their_sessions(scene, city, rounds=scene.at_size(1, 8))
            await load.until_paid()
            await load.stop()
        scene.note("moved", moves.count)
        scene.expect(moves.count, "Partitions move from one worker to another.")
        await city.all_start()
        await city.settled()
        await judge_profiles(scene, city, changed)
        await city.judge()


@dataclass
class Moves:
    """How often a partition was seen with another member of the group than at the look before."""

    count: int = 0
    holders: dict[int, str] = field(default_factory=dict)

    def look(self, held: dict[str, set[int]]) -> None:
        now = {partition: member for member, partitions in held.items() for partition in partitions}
        self.count += sum(self.holders.get(partition, member) != member for partition, member in now.items())
        self.holders |= now


@asynccontextmanager
async def moves_counted(city: DrillCity, name: str) -> AsyncIterator[Moves]:
    """Looks go on until the end of the block."""
    moves, ended = Moves(), asyncio.Event()

    async def look_on() -> None:
        while not ended.is_set():
            moves.look(await city.held(name))
            await asyncio.sleep(LOOK_S)

    task = asyncio.create_task(look_on())
    try:
        yield moves
    finally:
        ended.set()
        await task


async def come_or_go(scene: Scene, workers: list[DrillProcess]) -> None:
    """One of the workers changes; one at least goes on."""
    one = scene.random.choice(workers)
    if not one.runs:
        await one.start()
    elif sum(each.runs for each in workers) > 1:
        await scene.random.choice((one.kill, one.stop))()


async def sleep_past_the_session(scene: Scene, city: DrillCity, name: str) -> str:
    """A worker stops at a point of its work, others take over, and it goes on with what it held; where it stopped."""
    one = scene.random.choice(city.of(name, "worker"))
    point = scene.random.choice(POINTS)
    await city.all_start()
    await one.kill()
    asleep = await falls_asleep(one, point, scene.random.randint(1, 5))
    if not asleep:
        # It had too little to do on its partitions; anywhere is a place to fall asleep, too.
        await one.suspend()
    await its_partitions_move(scene, city, name)
    await one.resume()
    # What it does now, it does beside those who have its partitions.
    await asyncio.sleep(2)
    return point if asleep else SOMEWHERE


async def its_partitions_move(scene: Scene, city: DrillCity, name: str) -> None:
    """The sleeper's session ends, and all partitions are with those who are awake."""
    awake = sum(each.runs for each in city.of(name, "worker")) - 1
    await asyncio.sleep(PAST_SESSION_S)
    held: dict[str, set[int]] = {}

    async def the_awake_hold_all() -> bool:
        nonlocal held
        held = await city.held(name)
        return len(held) == awake

    await comes_true(the_awake_hold_all, within=MOVES_WITHIN_S)
    scene.expect(len(held) == awake, f"The sleeper's session ends: {len(held)} hold partitions, {awake} are awake.")
    everywhere = {partition for each in held.values() for partition in each}
    scene.expect(everywhere == set(range(PARTITIONS)), f"Every partition is with somebody: {sorted(everywhere)}")
