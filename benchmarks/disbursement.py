"""A disbursement run: the payer's results of a list of 1,000,000 entitlements are worked in, 500 per commit.

It is the second half of a run. Drawing up the list, its approvals, the commitment of the money and the reading of the
payer's file are outside the clock on both sides: their rows stand already. Inside are, of each chunk, the look for
its results, the rows below and the commit, which waits for the disk.

Ours is the product's own settling: chunk after chunk by its timer, through the guarded fund line, the journal, the
states of payments and entitlements, and an ``AidDisbursed`` per item in the outbox. The reference writes the same rows
and bytes by hand (benchmarks/disbursement_by_hand.py), on a copy of the same database. By turns each settles 40,000
of its million items, five times; then ours goes on to the end of the list and closes it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.databases import Database, databases
from benchmarks.disbursement_by_hand import ByHand
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, middle_cpu_us, rates
from benchmarks.workplace import Workplace
from services.programs.app import SERVICE
from services.programs.programme_files import read_programme, shipped
from services.programs.publish_programme import publish
from services.programs.settings import ProgramsSettings
from services.programs.settle_payments import CHUNK, TIMER
from shared.deployment import Deployment
from shared.messaging import schedule

AGENCY = "dinsos-samarinda"
RUPIAH = 600_000
_KEY = base64.b64encode(b"k" * 32).decode()
_DIRECTORY = Path(__file__).resolve().parents[1] / "local" / "agencies.yaml"


async def run(workplace: Workplace) -> Result:
    """Settled entitlements per second, on both sides."""
    items = workplace.at_size(1_000, 1_000_000)
    segment = workplace.at_size(1_000, 40_000)
    async with databases(workplace) as make:
        mine = await make("programs", "disbursement")
        began = time.monotonic()
        made = await _fill(workplace, mine, items)
        theirs = await make.copy(mine, "by_hand")
        filled_s = time.monotonic() - began
        hand = await ByHand.on(await theirs.connect(), workplace.root, AGENCY, made, CHUNK)
        async with _deployment(workplace, mine) as deployment:
            measured = await by_turns(
                workplace.rounds,
                lambda _: _settle(deployment.kernel.timers.handle_next, segment),
                lambda _: _settle(hand.settle_chunk, segment),
            )
            began = time.monotonic()
            while await deployment.kernel.timers.handle_next():
                pass
            rest_s = time.monotonic() - began
        await hand.connection.close()
        written = await _written(mine, items)
        by_hand = await _written(theirs, segment * workplace.rounds)
        if any(written[size] != by_hand[size] for size in ("payload_bytes", "header_bytes")):
            raise AssertionError(f"The sides have not written the same bytes: {written}, {by_hand}")
    return rates(
        "disbursement",
        *measured,
        unit="entitlements/s",
        at_least=0.25,
        payload_bytes=written["payload_bytes"],
        connections=1,
        reference_connections=1,
        notes={
            "inside_the_clock": "settling: results to fund line, journal, states, outbox, commit",
            "outside_the_clock": "list, approvals, commitment, the payer's file",
            "entitlements": items,
            "per_commit": CHUNK,
            "by_turns": segment * workplace.rounds,
            "whole_run_seconds": round(sum(each.seconds for each in measured[0]) + rest_s, 1),
            "header_bytes": written["header_bytes"],
            "reference_cpu_us_per_op": middle_cpu_us(measured[1]),
            "fill_seconds": round(filled_s),
        },
    )


async def _settle(chunk: Callable[[], Awaitable[object]], items: int) -> Sample:
    with Stopwatch() as watch:
        for _ in range(items // CHUNK):
            await chunk()
    return watch.sample(items)


@asynccontextmanager
async def _deployment(workplace: Workplace, database: Database) -> AsyncIterator[Deployment]:
    values: dict[str, Any] = {
        "mode": "laptop", "agency": AGENCY, "region": "64.72", "directory_file": _DIRECTORY,
        "topic_root": workplace.root, "database_url": database.dsn,
        "kafka_bootstrap": workplace.stack.kafka_bootstrap, "kafka_username": "u", "kafka_password": "p",
        "oidc_issuer": "http://issuer.test", "oidc_jwks_url": "http://issuer.test/jwks",
        "vault_keys": f"1:{_KEY}", "blind_index_key": _KEY, "state_dir": workplace.state,
    }  # fmt: skip
    deployment = Deployment(SERVICE, ProgramsSettings(**values))
    try:
        yield deployment
    finally:
        await deployment.close()


async def _fill(workplace: Workplace, database: Database, items: int) -> UUID:
    """A published programme and an approved list of so many items, whose results wait to be worked in."""
    async with _deployment(workplace, database) as deployment, deployment.sessions() as session:
        text = shipped()["blt-samarinda-2022"].replace("2700000000", str(items * RUPIAH))
        published = await publish(session, read_programme(text, "BLT"), "maker")
        await deployment.kernel.commit(session)
    connection = await asyncpg.connect(workplace.stack.postgres.dsn_of(database.name))
    try:
        async with connection.transaction():
            # The super user may leave out the checks of foreign keys, which hold here by construction.
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(_IDS)
            made: UUID = await connection.fetchval(_LIST, published.programme_id, items, RUPIAH)
            for statement in _ITEMS:
                await connection.execute(statement, made, items, RUPIAH)
            await connection.execute("truncate kernel.outbox")
            await connection.execute(_MONEY, made, items * RUPIAH)
        await connection.execute("drop function nth_id")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    async with _deployment(workplace, database) as deployment, deployment.sessions() as session:
        await schedule(session, TIMER, deployment.clock.now(), str(made))
        await deployment.kernel.commit(session)
    return made


async def _written(database: Database, settled: int) -> dict[str, int]:
    """What a side has written. Raises where that is not one row of each kind, and its money, per settled item."""
    connection = await database.connect()
    found = dict(await connection.fetchrow(_WRITTEN))
    await connection.close()
    kinds = ("paid", "entitled", "booked", "numbered", "announced")
    wrong = [kind for kind in kinds if found[kind] != settled]
    wrong += [sum_ for sum_ in ("booked_rupiah", "realised") if found[sum_] != settled * RUPIAH]
    if (
        wrong
        or found["payments"] - settled != found["waiting"]
        or found["realised"] + found["committed"] != found["all"]
    ):
        raise AssertionError(f"{settled} items were settled, but {wrong}: {found}")
    return found


_IDS = """
    create function nth_id(kind text, n bigint) returns uuid language sql immutable as
    $$ select ('0192f1d0-' || kind || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$
"""
_LIST = """
    insert into payment_list (
        payment_list_id, programme_id, programme, region, period, fund_line_id, state, families, persons, rupiah,
        list_sha256, made_by, made_at, decided_by, decree_number, decree_dated, correlation_id
    )
    select nth_id('0001', 1), programme_id, 'BLT-2022', '64.72', '2022', fund_line_id, 'approved',
        $2::int, 2 * $2::int, $2::bigint * $3::bigint, repeat('ab', 32), 'maker', now(), 'checker',
        '460/113/HK-KS/2022', date '2022-12-20', nth_id('0001', 2)
    from fund_line where programme_id = $1
    returning payment_list_id
"""
# Ids of one kind grow like the uuid7 of the product; households come in the order of rank, so at random.
_HOUSEHOLD = "md5('household' || n)::uuid"
_MEMBERS = "jsonb_build_array(nth_id('0006', 2 * n), nth_id('0006', 2 * n + 1))"
_ITEMS = (
    f"""
    insert into enrolment (
        enrolment_id, programme_id, programme, programme_version, household_id, region, unit, members, units, status,
        started_on, decision_id, decided_by, correlation_id
    )
    select nth_id('0002', n), programme_id, 'BLT-2022', 1, {_HOUSEHOLD}, '64.72.05.1002', 'person', {_MEMBERS}, 2,
        'active', date '2022-12-05', nth_id('0001', 3), 'checker', nth_id('0001', 4)
    from payment_list, generate_series(1, $2::int) as n where payment_list_id = $1 and $3::int > 0
    """,
    f"""
    insert into entitlement (
        entitlement_id, enrolment_id, programme_id, household_id, period, fund_line_id, rupiah, members, state
    )
    select nth_id('0003', n), nth_id('0002', n), programme_id, {_HOUSEHOLD}, '2022', fund_line_id, $3::int, {_MEMBERS},
        'committed'
    from payment_list, generate_series(1, $2::int) as n where payment_list_id = $1
    """,
    f"""
    insert into payment (
        payment_id, payment_list_id, entitlement_id, enrolment_id, household_id, region, rupiah, members, persons,
        state, returned_rupiah, held_elsewhere
    )
    select nth_id('0004', n), $1, nth_id('0003', n), nth_id('0002', n), {_HOUSEHOLD}, '64.72.05.1002', $3::int,
        {_MEMBERS}, 2, 'committed', 0, '[]'
    from generate_series(1, $2::int) as n
    """,
    """
    insert into result_row (payment_id, payment_list_id, status, settled_on)
    select nth_id('0004', n), $1, 'paid', date '2022-12-28' from generate_series(1, $2::int) as n where $3::int > 0
    """,
    f"""
    insert into kernel.announced (key, last_sequence)
    select convert_to(({_HOUSEHOLD})::text, 'utf8'), 1
    from generate_series(1, $2::int) as n where $1::uuid is not null and $3::int > 0
    """,
)  # fmt: skip
_MONEY = """
    with line as (
        update fund_line set available = available - $2, committed = committed + $2
        from payment_list where payment_list_id = $1 and fund_line.fund_line_id = payment_list.fund_line_id
        returning fund_line.fund_line_id
    )
    insert into transfer (transfer_id, fund_line_id, move, leaves, enters, rupiah, reason, made_by, made_at)
    select nth_id('0005', n), fund_line_id, move, leaves, enters, $2, 'decree', 'checker', now()
    from line, (
        values (1, 'reserve', 'available', 'reserved'), (2, 'commit', 'reserved', 'committed')
    ) as step(n, move, leaves, enters)
"""
_WRITTEN = """
    select
        (select count(*) from payment where state = 'paid' and settled_on is not null) as paid,
        (select count(*) from entitlement where state = 'paid') as entitled,
        (select count(*) from transfer where move = 'realise') as booked,
        (select sum(rupiah)::bigint from transfer where move = 'realise') as booked_rupiah,
        (select realised from fund_line) as realised,
        (select committed from fund_line) as committed,
        (select ceiling_rupiah from fund_line) as all,
        (select count(*) from result_row) as waiting,
        (select count(*) from payment) as payments,
        (select count(*) from kernel.announced where last_sequence = 2) as numbered,
        (select count(*) from kernel.outbox where type = 'id.tuntas.aid.disbursed.v1') as announced,
        (select min(length(payload)) from kernel.outbox where type = 'id.tuntas.aid.disbursed.v1') as payload_bytes,
        (select min(length(headers::text)) from kernel.outbox where type = 'id.tuntas.aid.disbursed.v1') as header_bytes
"""
