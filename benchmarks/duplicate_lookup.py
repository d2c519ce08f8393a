"""An exact duplicate look-up in a full register: who holds this person number, p99.

Ours is the product's own look-up, with a session of the deployment's pool and all that it does: the one statement that
looks for families, cards, people and rows, its joins to the household, and the holder as an object. The reference is
the bare probe of the index by a prepared statement of asyncpg on one open connection. Both ask for the same numbers in
the same database; one of ten belongs to nobody.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

import asyncpg

from benchmarks.bulk_import import _deployment
from benchmarks.databases import databases
from benchmarks.measuring import Result, Stopwatch, percentile
from benchmarks.workplace import Workplace
from services.intake.register_lookup import Known
from shared.messaging.collecting import collecting_seldom

RATIO_MAX: Final = 5.0
_PERSONS_PER_HOUSEHOLD: Final = 4
_PROBE: Final = "select id from member where nik_index = $1 and state = 'active'"
Look = Callable[[bytes], Awaitable[bool]]


async def run(workplace: Workplace) -> Result:
    """Milliseconds at the 99th percentile, on both sides."""
    persons, looks = workplace.at_size(20_000, 1_000_000), workplace.at_size(1_000, 10_000)
    async with databases(workplace) as make:
        database = await make("intake", "duplicate_lookup")
        connection = await database.connect()
        await _fill(connection, persons)
        held = [row["nik_index"] for row in await connection.fetch(_SAMPLE, looks)]
        async with _deployment(workplace, database) as deployment:
            probe = await connection.prepare(_PROBE)

            async def ours(index: bytes) -> bool:
                async with deployment.sessions() as session:
                    known = Known()
                    await known.ask(session, numbers=[index])
                    return index in known.holders

            async def reference(index: bytes) -> bool:
                return await probe.fetchval(index) is not None

            # As in services, on both sides.
            with collecting_seldom():
                figures = await _rounds(workplace.rounds, ours, reference, held)
        await connection.close()
    mine, theirs = (statistics.median(figures[name]) for name in ("ours", "reference"))
    return Result(
        name="duplicate_lookup",
        ours=round(mine, 3),
        reference=round(theirs, 3),
        unit="ms p99",
        ratio=round(mine / theirs, 2),
        goal=f"<= {RATIO_MAX:.2f}",
        met=mine / theirs <= RATIO_MAX,
        cpu_us_per_op=round(statistics.median(figures["cpu"]), 1),
        payload_bytes=32,
        connections=1,
        reference_connections=1,
        rounds={name: [round(each, 3) for each in figures[name]] for name in ("ours", "reference")},
        notes={
            "persons": persons,
            "looks_per_round": looks,
            "ours_p50_ms": round(statistics.median(figures["p50"]), 3),
        },
    )


async def _rounds(rounds: int, ours: Look, reference: Look, held: list[bytes]) -> dict[str, list[float]]:
    """By turns, after a round of each that counts for nothing."""
    figures: dict[str, list[float]] = {"ours": [], "reference": [], "p50": [], "cpu": []}
    for number in range(-1, rounds):
        for name in ("ours", "reference") if number % 2 == 0 else ("reference", "ours"):
            asked = _mixed(held, number)
            with Stopwatch() as watch:
                took = await _looks(ours if name == "ours" else reference, asked)
            if number < 0:
                continue
            figures[name].append(percentile(took, 0.99) * 1000)
            if name == "ours":
                figures["p50"].append(percentile(took, 0.5) * 1000)
                figures["cpu"].append(watch.sample(len(asked)).cpu_us_per_operation)
    return figures


def _mixed(held: list[bytes], number: int) -> list[tuple[bytes, bool]]:
    """The numbers to ask for, and whether somebody has them."""
    random = Random(number)
    asked = [(random.randbytes(32), False) if random.random() < 0.1 else (index, True) for index in held]
    random.shuffle(asked)
    return asked


async def _looks(look: Look, asked: list[tuple[bytes, bool]]) -> list[float]:
    took = []
    gc.collect()
    for index, is_held in asked:
        began = time.perf_counter()
        found = await look(index)
        took.append(time.perf_counter() - began)
        if found is not is_held:
            raise RuntimeError("a look-up told something else than what stands in the register")
    return took


async def _fill(connection: asyncpg.Connection[Any], persons: int) -> None:
    """Households of four with indexes as random as real ones; the sealed fields are as long as real ones."""
    await connection.execute(_HOUSEHOLDS.format(count=persons // _PERSONS_PER_HOUSEHOLD))
    await connection.execute(_MEMBERS.format(per=_PERSONS_PER_HOUSEHOLD))
    await connection.execute("analyze household")
    await connection.execute("analyze member")


_HOUSEHOLDS: Final = """
    insert into household (id, region, registers, address, key_version, state, revision, registered_at, updated_at)
    select uuidv7(), '64.72.05.1002', '["own"]', decode(repeat('a5', 73), 'hex'), 1, 'active', 1, now(), now()
    from generate_series(1, {count})
"""
_MEMBERS: Final = """
    insert into member (
        id, household_id, identity, key_version, nik_index, name_index, sex, birth_year, relation, dukcapil, warnings,
        state, row_digest
    )
    select uuidv7(), household.id, decode(repeat('a5', 130), 'hex'), 1, sha256(uuid_send(gen_random_uuid())),
        array[substr(sha256(int4send(random(1, 300))), 1, 16)], 'male', 1980, 'head', 'unchecked', '[]', 'active',
        sha256(uuid_send(gen_random_uuid()))
    from household, generate_series(1, {per})
"""
_SAMPLE: Final = "select nik_index from member order by row_digest limit $1"
