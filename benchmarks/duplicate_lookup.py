"""An exact duplicate look-up in a full register, p99: is this family, or anybody of it, known already?

Ours is what the product does for a form with one person: blind the person's number and the card's and digest the row
(`see`), and ask the register for all three in a session of the deployment's pool (`Known.load`): who holds the number,
whose card it is, whether the row was registered or held before, whether a closed list waits for the person. The
reference does the same by hand: three HMACs, one prepared statement of asyncpg on one open connection, which finds the
same rows. Both are asked for the same families in the same database; one of ten is nobody's. Reading the form is in
neither clock.

The notes tell two more by turns: the bare probe of one index, digest in hand, which answers a part of the question
only; and what a system asks with a number (`resolve_number`: checks, blinding, probe, audit row, commit) against one
statement by hand that finds and records the same. Both of these wait for the disk.
"""

from __future__ import annotations

import gc
import hmac
import statistics
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.bulk_import import _AGENCY, _KEY, _deployment
from benchmarks.databases import databases
from benchmarks.families import family
from benchmarks.full_register import fill
from benchmarks.measuring import Result, Stopwatch, percentile
from benchmarks.workplace import Workplace
from services.intake.bodies import NewHousehold
from services.intake.look_at_identity import resolve_number
from services.intake.propose_household import read_proposal
from services.intake.register_lookup import Known, see
from services.intake.rules.families import Family
from shared.deployment import Deployment
from shared.messaging.collecting import collecting_seldom
from shared.problem import Problem
from shared.security import Caller, Role
from shared.security.vault import derive_key

RATIO_MAX: Final = 5.0
_PURPOSE: Final = "benchmark"
_SYSTEM: Final = Caller("bench", _AGENCY, frozenset({Role.INTEGRATION_CLIENT}), ("64.72",))


@dataclass(frozen=True, slots=True)
class Asked:
    """A family of one person that a form names, and the household that it is, where it is one."""

    family: Family
    number: str
    card: str
    household_id: UUID | None


Look = Callable[[Asked], Awaitable[UUID | None]]
"""Which household of the register a family is found in."""


async def run(workplace: Workplace) -> Result:
    """Milliseconds at the 99th percentile, on both sides."""
    persons, looks = workplace.at_size(20_000, 1_000_000), workplace.at_size(1_000, 10_000)
    async with databases(workplace) as make:
        database = await make("intake", "duplicate_lookup")
        connection = await database.connect()
        async with _deployment(workplace, database) as deployment:
            await fill(connection, persons)
            asked = await _put_in(connection, deployment, looks)
            by_hand, product = await _ByHand.on(connection), _Product(deployment)
            # As in services, on both sides.
            with collecting_seldom():
                sides = {"ours": product.look_up, "reference": by_hand.look_up, "probe": by_hand.probe}
                figures = await _rounds(workplace.rounds, sides, asked)
                resolving = {"ours": product.resolve, "reference": by_hand.resolve}
                resolved = await _rounds(workplace.rounds, resolving, asked[: looks // 5])
        await connection.close()
    mine, theirs, probe = (figures[name].p99_ms for name in ("ours", "reference", "probe"))
    system, system_by_hand = resolved["ours"], resolved["reference"]
    return Result(
        name="duplicate_lookup",
        ours=round(mine, 3),
        reference=round(theirs, 3),
        unit="ms p99",
        ratio=round(mine / theirs, 2),
        goal=f"<= {RATIO_MAX:.2f}",
        met=mine / theirs <= RATIO_MAX,
        cpu_us_per_op=figures["ours"].cpu_us,
        payload_bytes=None,
        connections=1,
        reference_connections=1,
        rounds={name: [round(each, 3) for each in figures[name].p99s_ms] for name in ("ours", "reference")},
        notes={
            "persons": persons,
            "looks_per_round": len(asked),
            "ours_p50_ms": figures["ours"].p50_ms,
            "reference_p50_ms": figures["reference"].p50_ms,
            "reference_cpu_us_per_op": figures["reference"].cpu_us,
            "bare_probe_of_one_index_p99_ms": round(probe, 3),
            "bare_probe_of_one_index_p50_ms": figures["probe"].p50_ms,
            "ratio_to_bare_probe": round(mine / probe, 2),
            "resolve_p99_ms": round(system.p99_ms, 3),
            "resolve_reference_p99_ms": round(system_by_hand.p99_ms, 3),
            "resolve_ratio": round(system.p99_ms / system_by_hand.p99_ms, 2),
            "resolve_p50_ms": system.p50_ms,
            "resolve_reference_p50_ms": system_by_hand.p50_ms,
        },
    )


@dataclass(frozen=True, slots=True)
class _Product:
    """The product's own ways, each with a session of its own."""

    deployment: Deployment

    async def look_up(self, asked: Asked) -> UUID | None:
        seen = see(self.deployment.vault, asked.family)
        async with self.deployment.sessions() as session:
            known = await Known.load(session, [seen])
        if known.has_nobody_of(seen):
            return None
        standing, index = known.standing_of(seen), seen.applicants[0].nik_index
        if standing is None or index is None or known.holders[index].household_id != standing.household_id:
            raise RuntimeError("number and card of a family are not of the same household")
        return standing.household_id

    async def resolve(self, asked: Asked) -> UUID | None:
        async with self.deployment.sessions() as session:
            try:
                return await resolve_number(session, _SYSTEM, asked.number, _PURPOSE)
            except Problem:
                return None
            finally:
                # Who asked stays recorded either way, as at the edge.
                await self.deployment.kernel.commit(session)


@dataclass(frozen=True, slots=True)
class _ByHand:
    """One open connection, statements prepared, keys in hand."""

    looking: Any
    probing: Any
    resolving: Any
    keys: tuple[bytes, bytes, bytes]

    @classmethod
    async def on(cls, connection: asyncpg.Connection[Any]) -> _ByHand:
        looking, probing, resolving = [await connection.prepare(each) for each in (_LOOK_UP, _PROBE, _RESOLVE)]
        key = b64decode(_KEY)
        nik, kk, digest = (derive_key(key, purpose) for purpose in (b"index nik", b"index kk", b"digest"))
        return cls(looking, probing, resolving, (nik, kk, digest))

    async def look_up(self, asked: Asked) -> UUID | None:
        nik, kk, digest = self.keys
        rows = await self.looking.fetch(
            hmac.digest(nik, asked.number.encode(), "sha256"),
            hmac.digest(kk, asked.card.encode(), "sha256"),
            hmac.digest(digest, "\0".join(asked.family.rows[0].cells.values()).encode(), "sha256"),
        )
        return rows[0]["household_id"] if rows else None

    async def probe(self, asked: Asked) -> UUID | None:
        index = hmac.digest(self.keys[0], asked.number.encode(), "sha256")
        found: UUID | None = await self.probing.fetchval(index)
        return found

    async def resolve(self, asked: Asked) -> UUID | None:
        index = hmac.digest(self.keys[0], asked.number.encode(), "sha256")
        found: UUID | None = await self.resolving.fetchval(index)
        return found


@dataclass(frozen=True, slots=True)
class _Figures:
    """Of one side, a figure for each round."""

    p99s_ms: list[float]
    p50s_ms: list[float]
    cpus_us: list[float]

    @property
    def p99_ms(self) -> float:
        return statistics.median(self.p99s_ms)

    @property
    def p50_ms(self) -> float:
        return round(statistics.median(self.p50s_ms), 3)

    @property
    def cpu_us(self) -> float:
        return round(statistics.median(self.cpus_us), 1)


async def _rounds(rounds: int, sides: Mapping[str, Look], families: list[Asked]) -> dict[str, _Figures]:
    """By turns, after a round of each that counts for nothing."""
    figures = {name: _Figures([], [], []) for name in sides}
    names = list(sides)
    for number in range(-1, rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            asked = Random(number).sample(families, len(families))
            with Stopwatch() as watch:
                took = await _looks(sides[name], asked)
            if number >= 0:
                figures[name].p99s_ms.append(percentile(took, 0.99) * 1000)
                figures[name].p50s_ms.append(percentile(took, 0.5) * 1000)
                figures[name].cpus_us.append(watch.sample(len(asked)).cpu_us_per_operation)
    return figures


async def _looks(look: Look, families: list[Asked]) -> list[float]:
    took = []
    gc.collect()
    for asked in families:
        began = time.perf_counter()
        found = await look(asked)
        took.append(time.perf_counter() - began)
        if found != asked.household_id:
            raise RuntimeError("a look-up told something else than what stands in the register")
    return took


async def _put_in(connection: asyncpg.Connection[Any], deployment: Deployment, looks: int) -> list[Asked]:
    """Families to ask for: of nine in ten a head of the register gets the number, and its household the card."""
    vault, heads = deployment.vault, await connection.fetch(_HEADS, looks - looks // 10)
    families = [_asked(deployment, n, heads[n]["household_id"] if n < len(heads) else None) for n in range(looks)]
    standing = list(zip(heads, families, strict=False))
    await connection.executemany(
        "update member set nik_index = $2 where id = $1",
        [(head["id"], vault.blind_index("nik", each.number)) for head, each in standing],
    )
    await connection.executemany(
        "update family_card set kk_index = $2 where household_id = $1",
        [(each.household_id, vault.blind_index("kk", each.card)) for _, each in standing],
    )
    await connection.execute("vacuum analyze family_card, member")
    return families


def _asked(deployment: Deployment, n: int, household_id: UUID | None) -> Asked:
    body = family(n, persons=1)
    proposal = read_proposal(deployment, NewHousehold.model_validate(body))
    return Asked(proposal.family, body["members"][0]["nik"], body["family_card_number"], household_id)


_PROBE: Final = "select household_id from member where nik_index = $1 and state = 'active'"
_LOOK_UP: Final = """
    select 'holder' as found, household_id, member.id, region, import_id, null::jsonb as registers
    from member join household on household.id = member.household_id
    where nik_index = $1 and member.state = 'active'
    union all
    select 'card', household.id, null, region, null, registers
    from family_card join household on household.id = household_id
    where kk_index = $2 and valid_to is null and household.state = 'active'
    union all
    select 'row', null, null, null, null, null
    from member where row_digest = $3 and nik_index is null and state = 'active'
    union all
    select 'held', null, null, null, null, null from held_row where row_digest = $3
    union all
    (select 'waiting', null, null, null, null, null from cohort_entry where nik_index = $1 and waits limit 1)
"""
_RESOLVE: Final = f"""
    with found as materialized (
        select household_id, region from member join household on household.id = household_id
        where nik_index = $1 and member.state = 'active' and (region = '64.72' or region like '64.72.%')
    ), recorded as (
        insert into kernel.audit (principal, roles, action, subjects, purpose)
        select '{_SYSTEM.principal}', '["{Role.INTEGRATION_CLIENT.value}"]',
            case count(*) when 0 then 'identity.not-resolved' else 'identity.resolved' end,
            coalesce(jsonb_object_agg('household_id', household_id) filter (where household_id is not null), '{{}}'),
            '{_PURPOSE}'
        from found
    )
    select household_id from found
"""
_HEADS: Final = "select id, household_id from member where relation = 'head' order by row_digest limit $1"
