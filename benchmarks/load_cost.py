"""What an event costs a worker that hears and answers, by how many are offered a second.

A backlog is heard in full batches. What comes by and by is heard in small ones, of which each costs a transaction, a
commit and a wake-up; so a calculation of capacity has to take the price of its own rate. The worker is a process of
`tuntas serve verification --role worker`: each family that was registered gets its case and an answer in the outbox.
Records are sent evenly, each by itself. The clock and the CPU run from the first record to the last offset that is
committed; what the worker needs while nothing comes is measured before, and is part of every price.
"""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import orjson
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import Producer

from benchmarks.bus import Bus, headers
from benchmarks.measuring import Result
from benchmarks.raw_log import ticks
from benchmarks.scaling import PATIENCE_SECONDS, Group, Measured, Meter, Servers, processes_of, until
from benchmarks.town import AGENCY, connected, database_of, town
from benchmarks.workplace import Workplace
from shared.events.intake import HouseholdRegistered
from shared.events.topics import consumer_group

RATES: Final = (5, 50, 200, 400, 800)
"""Events a second."""
_WORKER: Final = f"verification.{AGENCY}/worker"


async def run(workplace: Workplace) -> Result:
    """CPU per event at each rate; the ratio is that of the slowest to the fastest."""
    seconds = workplace.at_size(1, 20)
    roles = {f"intake.{AGENCY}": (), f"verification.{AGENCY}": ("worker",)}
    found: dict[int, list[Measured]] = {rate: [] for rate in RATES}
    async with town(workplace, "intake", "verification", roles_of=roles) as city:
        admin = AIOKafkaAdminClient(**workplace.stack.kafka.aiokafka())
        await admin.start()
        try:
            group = Group(admin, consumer_group(workplace.root, "verification", AGENCY), Bus(workplace))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await until(lambda: group.joined(1))
            offer = Offer(Producer(workplace.stack.kafka.librdkafka()), group)
            meter = Meter(processes_of(city, _WORKER), Servers.of(workplace))
            # The first records fill plans and caches.
            await offer.at(RATES[-1], 1, meter)
            meter.begin()
            await asyncio.sleep(seconds)
            idle = meter.end(seconds)
            for turn in range(workplace.at_size(1, 3)):
                for rate in RATES if turn % 2 == 0 else RATES[::-1]:
                    found[rate].append(await offer.at(rate, seconds, meter))
            connections = await connected(database_of(city, "verification"))
        finally:
            await admin.close()
    return _result(found, idle, connections)


@dataclass(frozen=True)
class Offer:
    """Families that were registered, so many a second."""

    producer: Producer
    group: Group

    async def at(self, rate: int, seconds: int, meter: Meter) -> Measured:
        """Until the worker has committed that it heard all of them."""
        topic = self.group.bus.topic("intake")
        meter.begin()
        async for _ in ticks(rate, seconds):
            family = str(uuid4())
            body = orjson.dumps({**HouseholdRegistered.example, "household_id": family})
            self.producer.produce(topic, body, family.encode(), headers=headers(HouseholdRegistered, family, 1))
            self.producer.poll(0)
            self.group.said += 1
        await asyncio.to_thread(self.producer.flush)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await until(self.group.heard_all)
        return meter.end(rate * seconds)


def _result(found: dict[int, list[Measured]], idle: Measured, connections: int) -> Result:
    cost = {rate: _middle([each.cpu_us[0] for each in rounds]) for rate, rounds in found.items()}
    notes: dict[str, float | int | str] = {
        "idle: cpu_us_per_second": round(idle.cpu_us[0], 1),
        "idle: CPU us of PostgreSQL per second": round(idle.postgres_us, 1),
        "idle: CPU us of Kafka per second": round(idle.kafka_us, 1),
    }
    for rate, rounds in found.items():
        notes |= {
            f"{rate}/s: cpu_us_per_op": cost[rate],
            f"{rate}/s: CPU us of PostgreSQL": _middle([each.postgres_us for each in rounds]),
            f"{rate}/s: CPU us of Kafka": _middle([each.kafka_us for each in rounds]),
            f"{rate}/s: heard/s": _middle([each.per_second for each in rounds]),
        }
    fastest, slowest = cost[RATES[-1]], cost[RATES[0]]
    return Result(
        name="load_cost",
        ours=fastest,
        reference=None,
        unit=f"us of CPU an event at {RATES[-1]}/s; ratio: {RATES[0]}/s to that",
        # A small run may be shorter than what the system counts CPU in.
        ratio=round(slowest / fastest, 3) if fastest else 0.0,
        goal="none: published",
        met=None,
        cpu_us_per_op=fastest,
        payload_bytes=len(orjson.dumps(HouseholdRegistered.example)),
        connections=connections,
        rounds={f"{rate}/s": [round(each.cpu_us[0], 1) for each in rounds] for rate, rounds in found.items()},
        notes=notes,
    )


def _middle(values: list[float]) -> float:
    return round(statistics.median(values), 1)
