"""A small city and its story: played once for several tests, with the truth that the figures are held against."""

from __future__ import annotations

import io
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from rich.console import Console

from local.city import City
from local.register.generate import generate
from local.stack import StackAddresses
from local.story import truth
from local.story.desk import Desk, IssuerTokens
from local.story.report import Report
from local.story.samarinda import play
from local.story.truth import Truth
from shared.events.envelope import Event
from tests.connected.drills import PowerCuts, RelayDrill
from tests.fixtures.cleaning import remove_deployments

SEED = 64
EventClass = type[Event]


@dataclass
class Played:
    """A city after its story."""

    city: City
    truth: Truth
    report: Report
    told: io.StringIO
    """What the story printed."""
    stack: StackAddresses
    http: httpx2.AsyncClient

    def desk(self, service: str, agency: str, title: str) -> Desk:
        tokens = IssuerTokens(self.http, f"{self.city.issuer_url}/token")
        return Desk(self.http, tokens, self.city.url(service, agency), f"{agency}.{title}")

    @cached_property
    def facts(self) -> list[Fact]:
        """All that was announced in the story, once each, as a reader from outside finds it."""
        return read_facts(self.stack, self.city.topic_root)


@asynccontextmanager
async def played_city(
    stack: StackAddresses,
    folder: Path,
    families: int,
    *,
    cuts: PowerCuts | None = None,
    relays: RelayDrill | None = None,
    **options: Any,
) -> AsyncIterator[Played]:
    """A city that lives through its story; it runs until the block ends, and leaves nothing on the stack.

    Args:
        cuts: kills deployments at moments of the story.
        relays: kills relays all through the story.
        options: of the ``City``.
    """
    root = f"t{secrets.token_hex(5)}"
    told, report, files = io.StringIO(), Report(), folder / "files"
    generate(files, SEED, families)
    try:
        async with City(stack, folder / "city", topic_root=root, **options) as city, httpx2.AsyncClient() as http:
            console, listeners = Console(file=told, width=120), [cuts] if cuts else []
            if cuts is not None:
                cuts.city = city
            async with relays.going_on(city) if relays else nullcontext():
                await play(city, files, report, console, listeners)
            yield Played(city, truth.read(files / "answers.json"), report, told, stack, http)
    finally:
        await remove_deployments(stack, root)


@dataclass(frozen=True)
class Fact:
    """A record of a fact topic as any client reads it."""

    topic: str
    headers: dict[str, str]
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return self.headers["ce_type"]

    @property
    def correlation(self) -> str:
        return self.headers["ce_correlationid"]

    def is_a(self, event: EventClass) -> bool:
        return self.type == event.full_type()


def read_facts(stack: StackAddresses, root: str) -> list[Fact]:
    """Every fact under a root, in the order of each household; repetitions of a crash are left out, as hearing does."""
    options = {"group.id": root, "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**stack.kafka.librdkafka(), **options})
    try:
        topics = consumer.list_topics(timeout=20).topics
        left = {
            (topic, partition)
            for topic, about in topics.items()
            if topic.startswith(f"{root}.")
            for partition in about.partitions
        }
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in left])
        facts: dict[tuple[str, str, str], Fact] = {}
        while left:
            for record in consumer.consume(1_000, timeout=0.2):
                error = record.error()
                if error is None:
                    fact = _read(record)
                    number = fact.headers.get("ce_sequence", fact.headers["ce_id"])
                    facts.setdefault((fact.topic, str(record.key()), number), fact)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard((str(record.topic()), int(record.partition() or 0)))
        return list(facts.values())
    finally:
        consumer.close()


def _read(record: Any) -> Fact:
    headers = {name: value.decode() for name, value in record.headers()}
    return Fact(record.topic(), headers, orjson.loads(record.value()))
