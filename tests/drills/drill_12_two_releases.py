"""12. Two releases side by side: further optional fields, and a ``.v2`` beside every ``.v1``, announced and heard."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

from shared.events.topics import fact_topic
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.looking import parked_by_reason, rebuilt
from tests.drills.poison import Place, headers_of
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(12, "old and new contract versions side by side")
NEXT_RELEASE = ["be_the_next_release"]
SAY_MOST = ("intake.dinsos-samarinda", "verification.dinsos-samarinda")
ACKNOWLEDGED_BETWEEN = 20


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        newer = set[str]()
        async with city.load() as load:
            for name in SAY_MOST:
                await roll(city, name, newer)
            for _ in range(scene.at_size(4, 20)):
                await say_newer_versions(city, foreign)
                await load.until(ACKNOWLEDGED_BETWEEN)
                await roll(city, scene.random.choice(sorted(city.processes)), newer)
            await load.until_paid()
            await load.stop()
        await city.settled()
        versions = Counter(
            value.decode().rpartition(".")[2]
            for record in await foreign.all_said()
            for name, value in record.headers
            if name == "ce_type"
        )
        scene.note("versions", dict(versions))
        scene.expect(versions["v2"] > 0, "The next release announced in its own words.")
        parked = await parked_by_reason(city)
        scene.expect(not parked, f"Nothing is parked because it is newer: {dict(parked)}")
        for name, done in (await rebuilt(city)).items():
            scene.expect(done.unchanged, f"{name} folds both releases' past to the same tables.")
        await city.judge()


async def roll(city: DrillCity, name: str, newer: set[str]) -> None:
    """One deployment changes its release, forward or back."""
    newer ^= {name}
    process = city.processes[name]
    await process.stop()
    process.deployed.fault = NEXT_RELEASE if name in newer else []
    await process.start()


async def say_newer_versions(city: DrillCity, foreign: Foreigner) -> None:
    """Versions of known contracts that no release here knows, in a shape of their own."""
    place = Place(fact_topic(city.topic_root, "intake", "dinsos-samarinda"), 3, "intake", "dinsos-samarinda")
    household = uuid4()
    headers = [each for each in headers_of(place, household) if each[0] != "ce_type"]
    for version in (b"v3", b"v17"):
        said = [*headers, ("ce_type", b"id.tuntas.household.updated." + version)]
        await foreign.say(place.topic, place.partition, str(household).encode(), b"[1, 2, 3]", said)
