"""What became of poison: each reader parked each record for what it is, and what was mended was handled once, in order.

Every deployment hears every topic of facts, so each of them has to say the same of a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import asyncpg

from shared.events.topics import parse_topic
from shared.serve import find_service
from tests.drills.looking import BEHIND
from tests.drills.poison import KINDS, WELL, Said, said_by_outsiders
from tests.drills.scene import DrillCity, Scene


class Row(NamedTuple):
    """A parked record of one reader."""

    topic: str
    partition: int
    offset: int
    key: bytes
    reason: str
    state: str
    type: str | None


SAID_MAX = 5
"""So many sentences of one reader are enough to know what is wrong."""


def wrongly_parked(said: Iterable[Said], rows: Iterable[Row], others: Collection[str] = ()) -> Iterator[str]:
    """What one reader says otherwise than it must: a sentence each.

    The first of a key is parked for what it is, and whatever follows of it waits behind. Of records that are none of
    the poison, the first may wait for one of the ``others``.
    """
    kinds = {(each.topic, each.partition, each.offset): each.kind for each in said}
    seen, waiting = set[tuple[str, bytes]](), set[tuple[str, int, int]]()
    for row in sorted(rows):
        kind = kinds.get(row[:3])
        alone = {KINDS[kind].reason} if kind else set(others)
        expected = {BEHIND} if (row.topic, row.key) in seen else alone
        if row.reason not in expected:
            yield f"{kind or row.type} at {row[:3]} is parked as {row.reason}, not as {sorted(map(str, expected))}"
        seen.add((row.topic, row.key))
        waiting.add(row[:3])
    for place, kind in kinds.items():
        if KINDS[kind].reason is not None and place not in waiting:
            yield f"{kind} at {place} was passed over in silence"


async def judge_parked(
    scene: Scene, city: DrillCity, said: Sequence[Said], fails_at: str, unsure: Collection[bytes] = ()
) -> None:
    """Every reader of the city parked what it had to, and nothing else; before anybody settles anything.

    Args:
        unsure: keys of which is not known how often something was said; no word about them.
    """
    reasons = Counter[str]()
    for name in city.here():
        rows = [row for row in await parked_at(city, name) if row.state == "waiting" and row.key not in unsure]
        reasons.update(row.reason for row in rows)
        wrongs = list(wrongly_parked(said, rows, {"handler-failed"} if name == fails_at else ()))
        scene.outcome.unexplained += len(wrongs)
        for each in wrongs[:SAID_MAX]:
            scene.expect(False, f"{name}: {each}")
    scene.note("parked", dict(sorted(reasons.items())))


async def parked_at(city: DrillCity, name: str) -> list[Row]:
    """All that a deployment ever parked."""
    async with city.database(name) as connection:
        rows = await connection.fetch('select topic, partition, "offset", key, reason, state, type from kernel.parked')
    return [Row(*row) for row in rows]


async def judge_handled(scene: Scene, city: DrillCity, said: Sequence[Said], name: str) -> None:
    """What was redriven had its effect once, what was dismissed none, and each key's records had theirs in order."""
    router = find_service(name.partition(".")[0]).events
    awaited = [event.full_type() for event in {*router.projections, *router.reactions}]

    def is_heard(topic: str) -> bool:
        announcer = parse_topic(topic, city.topic_root)
        return announcer is not None and said_by_outsiders(announcer.service) in awaited

    async with city.database(name) as connection:
        times = await _times(connection, "redriven", awaited)
        of_dismissed = await connection.fetchval(_OF_DISMISSED)
        disorderly = await connection.fetchval(_DISORDERLY)
        taken = {tuple(row) for row in await connection.fetch('select topic, partition, "offset" from drill_handled')}
    well = {(each.topic, each.partition, each.offset) for each in said if each.kind == WELL and is_heard(each.topic)}
    scene.note("redriven_and_handled_once", times[1])
    scene.outcome.lost += times[0]
    scene.outcome.twice += sum(count for number, count in times.items() if number > 1)
    scene.outcome.out_of_order += disorderly
    scene.expect(set(times) == {1}, f"What was redriven is handled once: {dict(times)} at {name}")
    scene.expect(not of_dismissed, f"What was dismissed is handled nowhere: {of_dismissed} at {name}")
    scene.expect(not disorderly, f"A household's records are handled in their order: {disorderly} not, at {name}")
    scene.outcome.lost += len(well - taken)
    scene.expect(bool(well), f"Outsiders said something well that {name} hears.")
    scene.expect(well <= taken, f"What outsiders say well is handled: {len(well - taken)} not, at {name}")


async def _times(connection: asyncpg.Connection, state: str, types: Sequence[str]) -> Counter[int]:
    """How often records of these types that came to this state were handled, and how many so often."""
    return Counter(row["times"] for row in await connection.fetch(_TIMES, state, types))


_TIMES = """
    select count(place) as times
    from kernel.parked
    left join drill_handled using (topic, partition, "offset")
    where state = $1 and parked.type = any($2::text[])
    group by parked.id
"""
_OF_DISMISSED = """
    select count(*) from kernel.parked join drill_handled using (topic, partition, "offset") where state = 'dismissed'
"""
_DISORDERLY = """
    with taken as (
        select
            "offset",
            max("offset") over (
                partition by topic, key order by place rows between unbounded preceding and 1 preceding
            ) as highest_before
        from drill_handled
    )
    select count(*) from taken where "offset" <= highest_before
"""
