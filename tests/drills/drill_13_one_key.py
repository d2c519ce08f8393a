"""13. One Idempotency-Key: fifty parallel sends, another body under it, retries after a kill at each point."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import orjson

from tests.drills.families import Families
from tests.drills.journal import Entry
from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(13, "fifty sends of one Idempotency-Key, another body, a retry after a crash")
INTAKE = f"intake.{DINSOS}"
PATH = "/api/v1/households"
SENDS = 50
POINTS = ("before-database-commit", "after-database-commit")
REPLAYED = "idempotency-replayed"
PATIENCE_SECONDS = 60.0
ENDS_WITHIN_SECONDS = 10.0


@dataclass
class Office:
    """A register officer at every api process of intake, who sends exactly what a drill says."""

    scene: Scene
    city: DrillCity
    http: httpx2.AsyncClient
    token: str
    families: Families
    urls: list[str] = field(default_factory=list)

    def new_key(self) -> str:
        return str(UUID(int=self.scene.random.getrandbits(128)))

    def asks(self, body: dict[str, Any]) -> Entry:
        niks = [each["nik"] for each in body["members"]]
        return self.scene.journal.asks("registration", niks=niks, once=False)

    async def send(self, key: str, body: dict[str, Any], at: int = 0) -> httpx2.Response:
        """Once, to one of the processes in turn. Raises httpx2.TransportError where it dies under the request."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        return await self.http.post(
            f"{self.urls[at % len(self.urls)]}{PATH}", content=orjson.dumps(body), headers=headers
        )

    async def send_until_answered(self, key: str, body: dict[str, Any], at: int = 0) -> httpx2.Response:
        """As a patient client does: again after a crash, and after ``409`` in progress or ``503``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self.send(key, body, at)
                except httpx2.TransportError:
                    answer = None
                if answer is not None and not _asks_to_come_again(answer):
                    return answer
                await asyncio.sleep(0.1)

    def judge_answers(self, entry: Entry, answers: Sequence[httpx2.Response], what: str) -> None:
        """All are the same 201, and all but one say that they repeat it."""
        self.scene.expect(
            all(each.status_code == 201 for each in answers), f"{what}: {[each.status_code for each in answers]}"
        )
        bodies = {each.content for each in answers}
        self.scene.expect(len(bodies) == 1, f"{what}: {len(bodies)} different answers under one key.")
        self.scene.journal.acknowledged(entry, answers[0].json().get("household_id"))


@DRILL.run
async def run(scene: Scene) -> None:
    limits = httpx2.Limits(max_connections=2 * SENDS)
    async with (
        scene.city(roles_of={INTAKE: ("api", "worker", "relay")}) as city,
        httpx2.AsyncClient(limits=limits, timeout=PATIENCE_SECONDS) as http,
    ):
        second = await city.start_another(INTAKE, "api")
        desk = city.desk("intake", DINSOS, "petugas-register")
        office = Office(scene, city, http, await desk.tokens.of(desk.subject), Families(scene.random.getrandbits(32)))
        office.urls = [each.deployed.url for each in city.of(INTAKE, "api")]
        for _ in range(scene.at_size(4, 40)):
            await fifty_at_once(office)
            await two_bodies_at_once(office)
        for _ in range(scene.at_size(1, 10)):
            for point in POINTS:
                await a_crash_at(office, second, point)
            await a_crash_at_some_moment(office, second)
        await city.settled()
        await city.judge()


async def fifty_at_once(office: Office) -> None:
    """One effect, fifty equal answers; then the same key with another body is refused by its code."""
    key, body = office.new_key(), office.families.next()
    entry = office.asks(body)
    answers = await asyncio.gather(*(office.send_until_answered(key, body, at) for at in range(SENDS)))
    office.judge_answers(entry, answers, "fifty at once")
    first = [each for each in answers if REPLAYED not in each.headers]
    office.scene.expect(len(first) == 1, f"One of fifty did the work, the others repeat: {len(first)} did.")
    other = office.families.next()
    refused = office.asks(other)
    _expect_reused(office.scene, await office.send(key, other, office.scene.random.randrange(2)))
    office.scene.journal.refused(refused, "idempotency-key-reused")


async def two_bodies_at_once(office: Office) -> None:
    """Half of the senders mean something else under the same key: one meaning wins, the other is refused."""
    key, bodies = office.new_key(), (office.families.next(), office.families.next())
    entries = [office.asks(each) for each in bodies]
    places = list(range(SENDS))
    office.scene.random.shuffle(places)
    answers = await asyncio.gather(*(office.send_until_answered(key, bodies[at % 2], at // 2) for at in places))
    said = [[each for at, each in zip(places, answers, strict=True) if at % 2 == side] for side in (0, 1)]
    winner = 0 if said[0][0].status_code == 201 else 1
    office.judge_answers(entries[winner], said[winner], "the meaning that came first")
    for each in said[1 - winner]:
        _expect_reused(office.scene, each)
    office.scene.journal.refused(entries[1 - winner], "idempotency-key-reused")


async def a_crash_at(office: Office, process: DrillProcess, point: str) -> None:
    """The process kills itself at the point; the retry makes or repeats the one household."""
    scene, key, body = office.scene, office.new_key(), office.families.next()
    await process.kill()
    process.arm(point)
    await process.start()
    await office.city.wait_ready([process.key])
    entry = office.asks(body)
    try:
        answer = await office.send(key, body, 1)
        scene.expect(False, f"{point}: killed before the answer, and yet there was one ({answer.status_code}).")
    except httpx2.TransportError:
        ended = await process.ends_within(ENDS_WITHIN_SECONDS) and process.count_death_at(point)
        scene.expect(ended, f"{point}: the process has killed itself.")
    await process.kill()
    await process.start()
    await office.city.wait_ready([process.key])
    # Where the retry goes must not matter.
    answers = [await office.send_until_answered(key, body, at) for at in scene.random.sample((0, 1), 2)]
    office.judge_answers(entry, answers, point)
    was_done = REPLAYED in answers[0].headers
    scene.expect(was_done == (point == "after-database-commit"), f"{point}: the retry says repeated: {was_done}.")


async def a_crash_at_some_moment(office: Office, process: DrillProcess) -> None:
    """Fifty send while the process is killed; all of them come again until they are answered, and agree."""
    key, body = office.new_key(), office.families.next()
    entry = office.asks(body)
    sends = [asyncio.create_task(office.send_until_answered(key, body, at)) for at in range(SENDS)]
    await asyncio.sleep(office.scene.random.uniform(0.0, 0.15))
    await process.kill()
    await process.start()
    office.judge_answers(entry, await asyncio.gather(*sends), "a kill among fifty")


def _asks_to_come_again(answer: httpx2.Response) -> bool:
    if answer.status_code == 409:
        return str(answer.json().get("code")) == "idempotency-in-progress"
    return answer.status_code in (502, 503, 504)


def _expect_reused(scene: Scene, answer: httpx2.Response) -> None:
    code = answer.json().get("code")
    scene.expect(
        (answer.status_code, code) == (422, "idempotency-key-reused"),
        f"Another body under a used key: {answer.status_code} {code}",
    )
