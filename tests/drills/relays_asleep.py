"""A relay sleeps beyond its session with rows in hand; another takes over and goes on; then the first one wakes up.

What is judged is the result: with what the profiles' topic ends. Whether the late one was refused by the broker, by its
clock or by its lost session is left open here; ``tests/connected/test_relay.py`` holds that the broker does refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.drills.asleep import falls_asleep
from tests.drills.coming_true import comes_true
from tests.drills.families import Families
from tests.drills.faults import ABOUT_TO_SEND
from tests.drills.load import DINSOS
from tests.drills.profiles import Changing, last_said, stale

if TYPE_CHECKING:
    from tests.drills.scene import DrillCity, DrillProcess, Scene

RELAYED = f"intake.{DINSOS}"
POINTS = ("before-publish", ABOUT_TO_SEND, "after-publish")
FAMILIES = 6
"""So many change while a relay sleeps; half of them are withdrawn."""
TAKES_OVER_WITHIN_SECONDS = 60.0
BEGINS_ANEW = ('"event":"loop.restarts"', '"loop":"relay"')


async def sleep_past_their_sessions(scene: Scene, city: DrillCity, *, rounds: int) -> list[Changing]:
    """At each point in each round, one of two relays; the families that changed meanwhile, to be judged at the end.

    Wants a city in which intake runs apart and a relay's session is short.
    """
    await city.start_another(RELAYED, "relay", wait=False)
    families, changed = Families(scene.random.getrandbits(32)), list[Changing]()
    for _ in range(rounds):
        for point in scene.random.sample(POINTS, len(POINTS)):
            changed += await _sleep_past_the_session(scene, city, families, point)
    return changed


async def judge_profiles(scene: Scene, city: DrillCity, changed: list[Changing]) -> None:
    """Add to the scene's outcome what came after something newer; call it when the city is settled."""
    wrong = list(stale(await last_said(city), changed))
    scene.outcome.out_of_order += len(wrong)
    scene.outcome.failed += wrong


async def _sleep_past_the_session(scene: Scene, city: DrillCity, families: Families, point: str) -> list[Changing]:
    sleeper, other = scene.random.sample(city.of(RELAYED, "relay"), 2)
    for relay in (sleeper, other):
        await relay.kill()
    changed = [await Changing.registered(city, families) for _ in range(FAMILIES)]
    for each in changed:
        await each.correct()
    scene.expect(await falls_asleep(sleeper, point), f"A relay comes to {point}.")
    # It holds their corrections. What is newer, the other one sends.
    for number, each in enumerate(changed):
        await (each.withdraw if number % 2 else each.correct)()
    newest = await _newest(city)
    await other.start()
    scene.expect(await _all_sent(city, newest), f"Another relay takes over from one that sleeps at {point}.")
    await sleeper.resume()
    scene.expect(await _begins_anew(sleeper), "A relay that slept beyond its session begins anew.")
    return changed


async def _newest(city: DrillCity) -> int:
    """The last row of the outbox."""
    async with city.database(RELAYED) as connection:
        return int(await connection.fetchval("select max(id) from kernel.outbox"))


async def _all_sent(city: DrillCity, newest: int) -> bool:
    async with city.database(RELAYED) as connection:

        async def nothing_of_it_is_left() -> bool:
            return not await connection.fetchval(_LEFT, newest)

        return await comes_true(nothing_of_it_is_left, within=TAKES_OVER_WITHIN_SECONDS)


async def _begins_anew(relay: DrillProcess) -> bool:
    async def says_so() -> bool:
        return relay.has_said(*BEGINS_ANEW)

    return await comes_true(says_so, within=TAKES_OVER_WITHIN_SECONDS)


_LEFT = "select exists (select from kernel.outbox where id <= $1)"
