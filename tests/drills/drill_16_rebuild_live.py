"""16. Read models are emptied and folded again while everybody works; some rebuilds are killed and begun again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.messaging.heard import REBUILD_LOCK
from tests.drills.faults import DIES_WHILE_FOLDING
from tests.drills.load import DINSOS
from tests.drills.looking import figures, rebuilt
from tests.drills.nursery import Child
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(16, "a read model wiped and rebuilt while live")
GROWING = {
    f"programs.{DINSOS}": "seen_verification",
    "programs.dinkop-samarinda": "seen_household",
    f"notifications.{DINSOS}": "heard_fact",
}
"""The deployments that are rebuilt, and of each a read table that only ever grows."""
APART = {f"programs.{DINSOS}": ("api", "worker", "relay")}
LOOK_SECONDS = 0.02


@DRILL.run
async def run(scene: Scene) -> None:
    done = Counter[str]()
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load, readers(city) as seen:
            await load.until_paid()
            for name in scene.random.sample(sorted(GROWING), len(GROWING)) * scene.at_size(1, 8):
                await asyncio.sleep(scene.random.uniform(0, 2))
                await rebuild_with_deaths(scene, city, name, done)
                await load.until(acknowledged=10)
            await load.until_paid()
            await load.stop()
        scene.note("rebuilds", dict(sorted(done.items())))
        for name, fewer in seen.fewer.items():
            scene.expect(not fewer, f"Readers of {name} see the old rows until the new ones are there: {fewer}")
        await city.settled()
        before = await figures(city)
        for name, at_rest in (await rebuilt(city)).items():
            scene.expect(at_rest.unchanged, f"{name} folds the same past at rest to the same bytes.")
        after = await figures(city)
        differing = sorted(name for name in before if before[name] != after[name])
        scene.expect(not differing, f"A rebuild changes no table at all: {', '.join(differing)}")
        await city.judge()


async def rebuild_with_deaths(scene: Scene, city: DrillCity, name: str, done: Counter[str]) -> None:
    """By the operator's command: killed in the middle, killed at a random moment, and begun again to its end."""
    log = scene.folder / f"replay.{name}.log"
    die = ["die_while_folding", scene.random.choice(("before", "after"))]
    await until_ended(city.begin_command(log, "replay", name, "--as-json", fault=die))
    died = last_line(log)
    scene.kills += died == DIES_WHILE_FOLDING
    scene.expect(died == DIES_WHILE_FOLDING, f"The rebuild of {name} dies in the middle: {died[:300]}")
    command = city.begin_command(log, "replay", name, "--as-json")
    await asyncio.sleep(scene.random.uniform(0, 1))
    if command.poll() is None:
        command.kill()
        scene.kills += 1
        done[f"{name} killed at random"] += 1
    await until_ended(command)
    await rebuild_to_its_end(scene, city, name, log)
    done[f"{name} done"] += 1


async def rebuild_to_its_end(scene: Scene, city: DrillCity, name: str, log: Path) -> None:
    """One of the workers that wait for it is killed meanwhile, and comes back."""
    command = city.begin_command(log, "replay", name, "--as-json")
    await until_it_works_alone(city, name, command)
    worker = next(each for each in city.of(name) if each.role in ("worker", "all"))
    await worker.kill()
    await worker.start()
    await until_ended(command)
    said = last_line(log)
    if not said.startswith("{"):
        scene.expect(False, f"tuntas replay of {name} says: {said[:300]}")
        return
    told = json.loads(said)
    scene.expect(told["records"] > 0, f"The rebuild of {name} reads what was said.")
    scene.expect(told["before"] == told["after"], f"A rebuild of {name} while all work gives the same bytes.")


async def until_ended(command: Child) -> None:
    while command.poll() is None:
        await asyncio.sleep(LOOK_SECONDS)


def last_line(log: Path) -> str:
    return log.read_text(encoding="utf-8").splitlines()[-1]


async def until_it_works_alone(city: DrillCity, name: str, command: Child) -> None:
    """Until the command holds the lock of a rebuild, or has ended."""
    async with city.database(name) as connection:
        while command.poll() is None and not await connection.fetchval(_HELD, *divmod(REBUILD_LOCK, 1 << 32)):
            await asyncio.sleep(LOOK_SECONDS)


_HELD = """
    select exists (
        select from pg_locks
        where locktype = 'advisory' and mode = 'ExclusiveLock' and granted
            and database = (select oid from pg_database where datname = current_database())
            and classid::bigint = $1 and objid::bigint = $2
    )
"""


@dataclass
class Seen:
    """What readers saw of the tables that only grow."""

    rows: dict[str, int] = field(default_factory=dict)
    fewer: dict[str, list[str]] = field(default_factory=dict)

    def saw(self, name: str, rows: int) -> None:
        if rows < self.rows.get(name, 0):
            self.fewer.setdefault(name, []).append(f"{rows} after {self.rows[name]}")
        self.rows[name] = max(rows, self.rows.get(name, 0))


@asynccontextmanager
async def readers(city: DrillCity) -> AsyncIterator[Seen]:
    """Somebody looks at each of the tables all the time until the block ends."""
    seen = Seen()
    tasks = [asyncio.create_task(_read(city, name, table, seen)) for name, table in GROWING.items()]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


async def _read(city: DrillCity, name: str, table: str, seen: Seen) -> None:
    async with city.database(name) as connection:
        while True:
            seen.saw(name, await connection.fetchval(f"select count(*) from {table}"))
            await asyncio.sleep(LOOK_SECONDS)
