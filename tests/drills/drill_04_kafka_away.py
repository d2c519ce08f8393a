"""4. Kafka is away, again and again: people work on, the outbox grows and drains, and every process says what is wrong.

It is stopped, or suspended: then its connections stay, and nothing is answered. Nobody repeats a request in this drill.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, get_args

import httpx2

from local.story.desk import Desk
from tests.drills.coming_true import comes_true
from tests.drills.load import DINSOS, Load
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(4, "Kafka unreachable")
INTAKE = f"intake.{DINSOS}"
APART = {INTAKE: ("api", "worker", "relay")}
NEED_KAFKA = {"worker": "consumer", "all": "consumer", "relay": "relay"}
"""By role, the part that says first that Kafka is away. A relay notices nothing as long as it has nothing to send."""
SEEN_WITHIN_SECONDS = 90.0
LOOKS_AFTERWARDS = 3
LOOK_SECONDS = 1.0
CONNECTIONS_REST_SECONDS_MAX = 2.0
"""A service ends a connection that nobody used for five seconds; who then asks by it would get no answer."""
How = Literal["stopped", "suspended"]


@DRILL.run
async def run(scene: Scene) -> None:
    limits = httpx2.Limits(max_connections=64, keepalive_expiry=CONNECTIONS_REST_SECONDS_MAX)
    async with scene.city(roles_of=APART, http=httpx2.AsyncClient(limits=limits)) as city:
        async with asked_once(scene, city) as load:
            await load.until(acknowledged=10)
            seen = [
                await play(scene, city, load, each)
                for each in outages(scene.random, most=scene.at_size(2, 4), seconds_max=scene.at_size(4, 20))
            ]
            await load.until_paid()
            await load.stop()
        scene.note("outages", seen)
        unanswered = scene.journal.without_answer
        scene.expect(not unanswered, f"Every request was answered at its first attempt, and not {unanswered}.")
        await city.settled(within=180)
        scene.expect(await unsent(city) == 0, "The outbox is empty afterwards.")
        await city.judge()


@dataclass(frozen=True)
class Outage:
    """Kafka is away in one way until everybody has said so, and for so long after that."""

    how: How
    seconds: float


def outages(chance: Random, *, most: int, seconds_max: float) -> list[Outage]:
    """Two or more, of which each is of the other kind than the last."""
    kinds = chance.sample(get_args(How), 2)
    return [
        Outage(kinds[number % 2], round(chance.uniform(1, seconds_max), 1)) for number in range(chance.randint(2, most))
    ]


class AskedOnce(Load):
    """Clients that give up at the first answer other than 2xx; the drill fails for it."""

    def _desk(self, service: str, title: str, patience_s: float = 0.0) -> Desk:  # noqa: ARG002 - nobody has any
        return super()._desk(service, title, patience_s=0.0)


@asynccontextmanager
async def asked_once(scene: Scene, city: DrillCity) -> AsyncIterator[AskedOnce]:
    load = AskedOnce(city, scene, registrations=2, decisions=1, disbursements=1)
    await load.start()
    try:
        yield load
    finally:
        await load.stop()


async def play(scene: Scene, city: DrillCity, load: Load, outage: Outage) -> dict[str, Any]:
    """One outage: everybody works on and says what is wrong until its end; then all is well, and stays well."""
    before, goal = load.acknowledged, scene.at_size(20, 100)
    async with away(scene, outage.how):
        said = await comes_true(lambda: all_say_degraded(city), within=SEEN_WITHIN_SECONDS)
        scene.expect(said, f"/readyz says that Kafka is {outage.how}: {await what_is_said(city)}")
        await load.until(acknowledged=goal)
        looks = await keeps_saying(scene, city, outage) if said else 0
        acknowledged, waiting = load.acknowledged - before, await unsent(city)
    scene.expect(acknowledged >= goal, f"HTTP goes on while Kafka is {outage.how}: {acknowledged} acknowledged.")
    scene.expect(waiting > 0, f"The outbox grows while Kafka is {outage.how}.")
    await are_well_again(scene, city, outage, waiting)
    return {
        "how": outage.how,
        "seconds_more": outage.seconds,
        "acknowledged": acknowledged,
        "unsent_at_most": waiting,
        "looks": looks,
    }


@asynccontextmanager
async def away(scene: Scene, how: How) -> AsyncIterator[None]:
    """No Kafka until the end of the block."""
    await (scene.kafka.stop() if how == "stopped" else scene.kafka.suspend())
    try:
        yield
    finally:
        await (scene.kafka.start() if how == "stopped" else scene.kafka.resume())


async def keeps_saying(scene: Scene, city: DrillCity, outage: Outage) -> int:
    """Whoever said it once says it until the end of the outage; how often everybody was asked."""
    looks, ends_at = 0, asyncio.get_running_loop().time() + outage.seconds
    while asyncio.get_running_loop().time() < ends_at or not looks:
        await asyncio.sleep(LOOK_SECONDS)
        scene.expect(await all_say_degraded(city), f"/readyz still says so: {await what_is_said(city)}")
        looks += 1
    return looks


async def are_well_again(scene: Scene, city: DrillCity, outage: Outage, waited: int) -> None:
    well = await comes_true(lambda: all_are_ready(city), within=SEEN_WITHIN_SECONDS)
    scene.expect(well, f"/readyz is green after Kafka was {outage.how}: {await what_is_said(city)}")
    drains = await comes_true(lambda: is_sent(city, waited), within=SEEN_WITHIN_SECONDS)
    scene.expect(drains, f"The outbox drains after Kafka was {outage.how}: {await unsent(city)} of {waited} wait.")
    for _ in range(LOOKS_AFTERWARDS * well):
        await asyncio.sleep(LOOK_SECONDS)
        scene.expect(await all_are_ready(city), f"/readyz stays green: {await what_is_said(city)}")


async def all_say_degraded(city: DrillCity) -> bool:
    """Every process says that its part for Kafka does not work; one that only answers requests works on."""
    return all([await says_degraded(each) for each in city.processes.values()])


async def says_degraded(process: DrillProcess) -> bool:
    """Whether one does as much of that as its role asks of it."""
    status, body = await process.readiness()
    part = NEED_KAFKA.get(process.role)
    if part is None:
        return status == 200
    return status == 503 and body["status"] == "degraded" and body["parts"][part] != "ok"


async def all_are_ready(city: DrillCity) -> bool:
    return all([(await each.readiness())[0] == 200 for each in city.processes.values()])


async def what_is_said(city: DrillCity) -> dict[str, Any]:
    """What each process says of itself."""
    said = {key: await each.readiness() for key, each in city.processes.items()}
    return {key: body.get("parts", status) for key, (status, body) in said.items()}


async def is_sent(city: DrillCity, waited: int) -> bool:
    return await unsent(city) < waited / 2


async def unsent(city: DrillCity) -> int:
    async with city.database(INTAKE) as connection:
        return int(await connection.fetchval("select count(*) from kernel.outbox"))
