"""4. Kafka is away for a while: people work on, the outbox grows and drains, and every process says what is wrong."""

from __future__ import annotations

from tests.drills.coming_true import comes_true
from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(4, "Kafka unreachable")
INTAKE = f"intake.{DINSOS}"
SEEN_WITHIN_SECONDS = 90.0


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            await scene.kafka.stop()
            before = load.acknowledged
            said = await comes_true(lambda: says_degraded(city), within=SEEN_WITHIN_SECONDS)
            await load.until(acknowledged=scene.at_size(20, 300))
            scene.note("acknowledged_without_kafka", load.acknowledged - before)
            scene.note("unsent_at_most", await unsent(city))
            scene.expect(load.acknowledged - before >= scene.at_size(20, 300), "HTTP goes on without Kafka.")
            scene.expect(await unsent(city) > 0, "The outbox grows while Kafka is away.")
            scene.expect(said, "/readyz says that a part of the process does not work.")
            await scene.kafka.start()
            await load.until_paid()
            await load.stop()
        await city.settled(within=180)
        scene.expect(await unsent(city) == 0, "The outbox is empty afterwards.")
        ready = await comes_true(lambda: says_ready(city), within=SEEN_WITHIN_SECONDS)
        scene.expect(ready, "/readyz is green again.")
        await city.judge()


async def says_degraded(city: DrillCity) -> bool:
    status, body = await city.processes[INTAKE].readiness()
    return status == 503 and body["status"] == "degraded" and body["parts"]["relay"] != "ok"


async def says_ready(city: DrillCity) -> bool:
    return all([(await each.readiness())[0] == 200 for each in city.processes.values()])


async def unsent(city: DrillCity) -> int:
    async with city.database(INTAKE) as connection:
        return int(await connection.fetchval("select count(*) from kernel.outbox"))
