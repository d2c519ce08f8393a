"""17. One part scaled apart: an agency's programs are far behind, and a second worker of that deployment is started.

Nothing else is touched. The backlog is announced by verification's own outbox and relay, about families that nobody
knows, while the worker of that deployment rests; the others hear it as it comes. Every effect is written down in its
own transaction, so that it is seen who had it, when, in which order, and that it was had once.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from shared.events.topics import PARTITIONS
from shared.events.verification import HouseholdVerified
from shared.messaging import announce
from tests.drills.faults import TABLE_OF_TAKEN
from tests.drills.load import DINSOS
from tests.drills.looking import opened
from tests.drills.others import Others
from tests.drills.scaling import AFTERWARDS, NOBODY, ONE, TWO, Drained, wrong_drain
from tests.drills.scene import Drill, DrillCity, Scene, Size

DRILL = Drill(17, "one part scaled apart")
SCALED = f"programs.{DINSOS}"
ANNOUNCER = f"verification.{DINSOS}"
ROUNDS = 4
"""So many events about each family, each round over all families before the next."""
ANNOUNCED_AT_ONCE = 500
ALONE_FOR_A_SHARE_OF = 6
"""The second worker is started when one has heard a sixth of the backlog."""
SECONDS_PER_EVENT: dict[Size, str] = {"small": "0.001", "large": "0.004", "huge": "0"}
"""Small: so slow that a few thousand events outlast a rebalance. Huge: as quick as a worker is.

Large: so slow that two workers leave half of two processors to the others, as if they had a machine of their own: only
then it can be seen what the others notice.
"""
LAG_MAX = 500
"""The others hear a few records a second from the load; who stopped hearing would be further behind."""
LOOK_SECONDS = 0.25


@DRILL.run
async def run(scene: Scene) -> None:
    events = scene.at_size(9_000, 50_000)
    async with scene.city(roles_of={SCALED: ("api", "worker", "relay")}) as city:
        async with city.database(SCALED) as connection:
            await connection.execute(TABLE_OF_TAKEN)
        first = city.processes[f"{SCALED}/worker"]
        first.deployed.fault = ["write_down", HouseholdVerified.__name__, SECONDS_PER_EVENT[scene.size]]
        backlog = Backlog(scene, city)
        async with city.load(registrations=1, decisions=1) as load, Others(city, SCALED).watched() as others:
            await load.until_paid()
            await first.stop()
            await backlog.announce(events)
            await others.have_heard_it(within=300)
            await others.during(NOBODY, load.for_a_while())
            await first.start()
            await others.during(ONE, backlog.taken(events // ALONE_FOR_A_SHARE_OF))
            scene.note("metrics with one worker", await metrics_of_workers(city))
            second = await city.start_another(SCALED, "worker", wait=False)
            await others.during(TWO, backlog.taken(events))
            scene.note("metrics with two workers", await metrics_of_workers(city))
            await share_the_partitions(scene, city)
            await others.during(AFTERWARDS, load.for_a_while())
            await load.until_paid()
            await load.stop()
        await city.settled(within=180)
        await backlog.judge(first.pid, second.pid)
        others.judge(scene, LAG_MAX)
        await city.judge()


@dataclass
class Backlog:
    """Verdicts about families that nobody else speaks of."""

    scene: Scene
    city: DrillCity
    case: UUID = field(default_factory=uuid4)
    """Of all of them: so they are told from what the load says."""
    events: int = 0

    async def announce(self, events: int) -> None:
        """By the announcer's own outbox; returns when all is committed."""
        households = [uuid4() for _ in range(events // ROUNDS)]
        example = HouseholdVerified.from_example().model_copy(update={"case_id": self.case})
        waiting = [
            example.model_copy(update={"household_id": household, "round": number})
            for number in range(1, ROUNDS + 1)
            for household in households
        ]
        async with opened(self.city, ANNOUNCER) as deployment:
            for start in range(0, len(waiting), ANNOUNCED_AT_ONCE):
                async with deployment.sessions() as session:
                    for each in waiting[start : start + ANNOUNCED_AT_ONCE]:
                        announce(session, each)
                    await deployment.kernel.commit(session)
        self.events = len(waiting)
        self.scene.note("backlog", self.events)

    async def taken(self, count: int) -> None:
        """Until so many of them have had their effect."""
        async with self.city.database(SCALED) as connection:
            while await connection.fetchval(_TAKEN, self.case) < count:
                await asyncio.sleep(LOOK_SECONDS)

    async def judge(self, first: int, second: int) -> None:
        """Each had its effect once and in order; both workers had their share. Rates go to the report."""
        async with self.city.database(SCALED) as connection:
            wrong = dict(await connection.fetchrow(_WRONG, self.case, ROUNDS))
            rates = await connection.fetch(_RATES, self.case, first, second)
        outcome, expect = self.scene.outcome, self.scene.expect
        outcome.lost += self.events - wrong["different"]
        outcome.twice += wrong["taken"] - wrong["different"]
        outcome.out_of_order += wrong["out_of_order"]
        expect(wrong["taken"] == wrong["different"] == self.events, f"Every event has its effect once: {wrong}")
        expect(not wrong["out_of_order"], f"Each family's events are taken in order: {wrong}")
        expect(wrong["last_words"] == self.events // ROUNDS, f"Each family's last verdict stands: {wrong}")
        told = {row["while"]: Drained(row["events"], row["by_second"], row["seconds"]) for row in rates}
        self.scene.note("drained", {name: _rate(each) for name, each in told.items()})
        self.scene.note("processors", os.cpu_count())
        outcome.failed += wrong_drain(told, self.scene.size)


def _rate(drained: Drained) -> dict[str, float]:
    """Events a second of a stretch, all together and by worker."""
    seconds = max(drained.seconds, 0.001)
    return {
        "events": drained.events,
        "seconds": round(seconds, 2),
        "per_second": round(drained.events / seconds, 1),
        "first_per_second": round((drained.events - drained.by_second) / seconds, 1),
        "second_per_second": round(drained.by_second / seconds, 1),
    }


async def metrics_of_workers(city: DrillCity) -> list[dict[str, float]]:
    """What an operator sees of the workers of the scaled deployment over a second, as docs/operations.md reads it."""
    workers = city.of(SCALED, "worker")
    before = [await each.metrics() for each in workers]
    await asyncio.sleep(1)
    after = [await each.metrics() for each in workers]
    return [
        {
            "cpu_rate": round(later["tuntas_cpu_seconds"] - earlier["tuntas_cpu_seconds"], 2),
            "heard_rate": later["tuntas_heard_total"] - earlier["tuntas_heard_total"],
            "lag_records": later["tuntas_lag_records"],
        }
        for earlier, later in zip(before, after, strict=True)
        if earlier and later
    ]


async def share_the_partitions(scene: Scene, city: DrillCity) -> None:
    """As the brokers know it: half of the partitions each, and the same numbers of every topic."""
    numbers = [sorted(each) for each in (await city.held(SCALED)).values()]
    scene.note("partitions", numbers)
    everywhere = {partition for each in numbers for partition in each}
    scene.expect(everywhere == set(range(PARTITIONS)), f"Every partition has its worker: {numbers}")
    scene.expect(sum(map(len, numbers)) == PARTITIONS, f"One household is with one worker, of every topic: {numbers}")
    scene.expect(sorted(map(len, numbers)) == [PARTITIONS // 2] * 2, f"Both have half of them: {numbers}")


_TAKEN = "select count(*) from drill_taken where case_id = $1"
_WRONG = """
    with mine as (
        select *, lag(round, 1, 0) over (partition by household_id order by place) as before
        from drill_taken where case_id = $1
    )
    select
        count(*) as taken,
        count(distinct (household_id, round)) as different,
        count(*) filter (where round <> before + 1) as out_of_order,
        (
            select count(*) from seen_verification
            where round = $2 and household_id in (select household_id from mine)
        ) as last_words
    from mine
"""
# With both: from the first event of the second worker to the last of whoever is done first; then one has a rest.
_RATES = """
    with mine as (select at, process from drill_taken where case_id = $1),
    ends as (
        select
            min(at) filter (where process = $3) as begins,
            least(max(at) filter (where process = $2), max(at) filter (where process = $3)) as ends
        from mine
    ),
    placed as (
        select
            at,
            process,
            case
                when at < coalesce(begins, 'infinity') then 'one worker'
                when at <= ends then 'two workers'
                else 'rest'
            end
                as "while"
        from mine, ends
    )
    select
        "while",
        count(*) as events,
        count(*) filter (where process = $3) as by_second,
        extract(epoch from max(at) - min(at))::float8 as seconds
    from placed
    group by "while"
"""
