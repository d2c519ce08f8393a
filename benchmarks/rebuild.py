"""Rebuild: the read tables of a programs deployment are emptied and filled again from everything it has heard.

Five facts about each of 10,000 households lie on the topics: registered, updated, an entry of a closed list, enrolled,
paid. Ours is `tuntas replay`'s rebuild, with its judging of every record by what was heard, its contracts, its
independence of order, and a digest of every row before and after. The reference reads the same topics, keeps the latest
word per key in dictionaries, and copies the rows into the same tables. Neither looks for cycles meanwhile, nor has been
left any by the other.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator
from datetime import date
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.bus import AGENCY, Bus, bus, deployment_on
from benchmarks.databases import Database, databases
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, middle_cpu_us, rates
from benchmarks.workplace import Workplace
from services.programs.app import SERVICE
from shared.deployment import Deployment
from shared.events.envelope import Event
from shared.events.intake import CohortEntryResolved, HouseholdRegistered, HouseholdUpdated
from shared.events.programs import AidDisbursed, HouseholdEnrolled
from shared.events.topics import PARTITIONS
from shared.messaging.hearing import ReactFrom
from shared.messaging.reading import end_offsets, read_topics
from shared.messaging.rebuild import rebuild

TABLES = ("seen_household", "seen_cohort_entry", "seen_enrolment", "seen_payment")


async def run(workplace: Workplace) -> Result:
    """Events per second, on both sides."""
    households = workplace.at_size(200, 10_000)
    async with databases(workplace) as make, bus(workplace, ["intake", "programs"]) as topics:
        mine, theirs = await make("programs", "rebuild"), await make("programs", "by_hand")
        size = await topics.fill(_past(households))
        events = 5 * households
        async with deployment_on(workplace, SERVICE, mine) as deployment:
            await _hear(deployment)
            hand, tidying = await theirs.connect(), await mine.connect()

            async def ours(_: int) -> Sample:
                # Rebuilds are months apart, not seconds: what the last one deleted has long been cleared away.
                await tidying.execute("vacuum")
                with Stopwatch() as watch:
                    done = await rebuild(deployment)
                if not done.unchanged or done.records != events:
                    raise AssertionError(f"The rebuild has changed the tables: {done}")
                return watch.sample(events)

            async def reference(_: int) -> Sample:
                await hand.execute("vacuum")
                gc.disable()
                try:
                    with Stopwatch() as watch:
                        await _by_hand(workplace, topics, hand, events)
                finally:
                    gc.enable()
                return watch.sample(events)

            measured = await by_turns(workplace.rounds, ours, reference)
            await hand.close()
            await tidying.close()
        await _same(mine, theirs, households)
    return rates(
        "rebuild",
        *measured,
        unit="events/s",
        at_least=0.50,
        payload_bytes=size // events,
        connections=1,
        reference_connections=1,
        notes={
            "events": events,
            "rows": 4 * households,
            "reference_cpu_us_per_op": middle_cpu_us(measured[1]),
        },
    )


def _past(households: int) -> Iterator[tuple[type[Event], UUID, dict[str, Any]]]:
    for _ in range(households):
        household, enrolment = uuid4(), str(uuid4())
        name = {"household_id": str(household)}
        yield HouseholdRegistered, household, name
        yield CohortEntryResolved, household, name | {"entry_id": str(uuid4())}
        yield HouseholdUpdated, household, name | {"region": "64.72.01.1001"}
        yield HouseholdEnrolled, household, name | {"enrolment_id": enrolment}
        paid = {"payment_id": str(uuid4()), "entitlement_id": str(uuid4()), "enrolment_id": enrolment}
        yield AidDisbursed, household, name | paid


async def _hear(deployment: Deployment) -> None:
    """Live through the past, as one that joined: only projections run."""
    hearing = deployment.kernel.hearing
    hearing.react_from = ReactFrom(await end_offsets(deployment.settings))
    async for records in read_topics(deployment.settings):
        await hearing.hear(hearing.read(records))


async def _by_hand(workplace: Workplace, topics: Bus, connection: asyncpg.Connection[Any], events: int) -> None:
    consumer = AIOKafkaConsumer(**workplace.stack.kafka.aiokafka(), max_partition_fetch_bytes=4 * 1024 * 1024)
    await consumer.start()
    try:
        names = [topics.topic(service) for service in ("intake", "programs")]
        consumer.assign([TopicPartition(name, each) for name in names for each in range(PARTITIONS)])
        await consumer.seek_to_beginning()
        kept = _Kept()
        left = events
        while left:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=250)).values():
                left -= len(records)
                for record in records:
                    kept.keep(record)
        async with connection.transaction():
            await connection.execute(f"truncate {', '.join(TABLES)}")
            for table, (columns, rows) in zip(TABLES, kept.tables(), strict=True):
                await connection.copy_records_to_table(table, columns=columns, records=rows)
    finally:
        await consumer.stop()


class _Kept:
    """The latest word per key, as the row that is copied; what tells which is later stands last in each."""

    def __init__(self) -> None:
        self.households: dict[str, tuple[Any, ...]] = {}
        self.entries: dict[str, tuple[Any, ...]] = {}
        self.enrolments: dict[str, tuple[Any, ...]] = {}
        self.payments: dict[str, tuple[Any, ...]] = {}

    def tables(self) -> list[tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]]:
        kept = (self.households, self.entries, self.enrolments, self.payments)
        return [(columns, rows.values()) for columns, rows in zip(_COLUMNS, kept, strict=True)]

    def keep(self, record: Any) -> None:
        headers, body = dict(record.headers), orjson.loads(record.value)
        kind = headers["ce_type"]
        if kind in (b"id.tuntas.household.registered.v1", b"id.tuntas.household.updated.v1"):
            _keep_newer(self.households, _household(body))
        elif kind == b"id.tuntas.cohort.entry-resolved.v1":
            _keep_newer(self.entries, _entry(body))
        elif kind == b"id.tuntas.household.enrolled.v1":
            _keep_newer(self.enrolments, _enrolment(body, int(headers["ce_sequence"])))
        else:
            _keep_newer(self.payments, _payment(body, int(headers["ce_sequence"])))


def _keep_newer(table: dict[str, tuple[Any, ...]], row: tuple[Any, ...]) -> None:
    known = table.get(row[0])
    if known is None or known[-1] < row[-1]:
        table[row[0]] = row


_COLUMNS = (
    ("household_id", "region", "members", "withdrawn", "revision"),
    ("entry_id", "cohort", "outcome", "household_id", "member_id", "revision"),
    (
        "enrolment_id", "household_id", "region", "programme_id", "programme", "unit", "persons", "agency", "status",
        "started_on", "sequence",
    ),
    (
        "payment_id", "household_id", "programme", "enrolment_id", "entitlement_id", "period", "fund_line", "agency",
        "rupiah", "persons", "status", "settled_on", "returned_rupiah", "sequence",
    ),
)  # fmt: skip
_entry = itemgetter(*_COLUMNS[1])
_enrolled = itemgetter(*_COLUMNS[2][:7])
_paid = itemgetter(*_COLUMNS[3][:7])


def _household(body: dict[str, Any]) -> tuple[Any, ...]:
    members = orjson.dumps(sorted(body["members"])).decode()
    return body["household_id"], body["region"], members, False, body["revision"]


def _enrolment(body: dict[str, Any], sequence: int) -> tuple[Any, ...]:
    return *_enrolled(body), AGENCY, "active", date.fromisoformat(body["started_on"]), sequence


def _payment(body: dict[str, Any], sequence: int) -> tuple[Any, ...]:
    settled_on = date.fromisoformat(body["paid_on"])
    return *_paid(body), AGENCY, body["rupiah"], body["persons"], "paid", settled_on, 0, sequence


async def _same(mine: Database, theirs: Database, households: int) -> None:
    """Both sides have the same rows."""
    found = await asyncio.gather(*(_digests(each) for each in (mine, theirs)))
    if found[0] != found[1] or any(rows != households for rows, _ in found[0]):
        raise AssertionError(f"The sides have not written the same: {found}")


async def _digests(database: Database) -> list[tuple[int, str]]:
    connection = await database.connect()
    digests = [
        tuple(await connection.fetchrow(f"select count(*), sum(hashtext(t::text))::text from {table} as t"))
        for table in TABLES
    ]
    await connection.close()
    return digests
