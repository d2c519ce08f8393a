"""Topics of benchmarks, filled with facts as an announcer's relay sends them, and deployments that hear them."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from uuid_utils.compat import uuid7

from benchmarks.databases import Database
from benchmarks.workplace import Workplace
from shared.deployment import Deployment
from shared.events.envelope import Event
from shared.events.topics import PARTITIONS, fact_topic
from shared.messaging.announcing import source_of
from shared.service import Service

AGENCY = "dinsos-samarinda"
_KEY = base64.b64encode(b"k" * 32).decode()
_DIRECTORY = Path(__file__).resolve().parents[1] / "local" / "agencies.yaml"


@dataclass
class Bus:
    """Fact topics under the root of a benchmark; the numbers given per topic and key go on from fill to fill."""

    workplace: Workplace
    _numbers: Counter[tuple[str, bytes]] = field(default_factory=Counter)

    def topic(self, service: str) -> str:
        return fact_topic(self.workplace.root, service, AGENCY)

    async def fill(self, facts: Iterable[tuple[type[Event], UUID, dict[str, Any]]]) -> int:
        """Announce facts, each as contract, subject and changes to the contract's example; returns their bytes."""
        return await asyncio.to_thread(self._fill, facts)

    def _fill(self, facts: Iterable[tuple[type[Event], UUID, dict[str, Any]]]) -> int:
        # The partitioner of Java's and aiokafka's clients.
        options = {"partitioner": "murmur2", "linger.ms": 20, "queue.buffering.max.messages": 2_000_000}
        producer, size = Producer({**self.workplace.stack.kafka.librdkafka(), **options}), 0
        for event, subject, changes in facts:
            topic, key = self.topic(event.announcer), str(subject).encode()
            self._numbers[topic, key] += 1
            value = orjson.dumps({**event.example, **changes})
            producer.produce(topic, value, key, headers=headers(event, str(subject), self._numbers[topic, key]))
            size += len(value)
        producer.flush()
        return size


def headers(event: type[Event], subject: str, sequence: int) -> list[tuple[str, str | bytes | None]]:
    """The envelope that an announcer writes; facts alone are numbered."""
    event_id, correlation = uuid7(), uuid7()
    said = {
        "ce_specversion": "1.0",
        "ce_source": source_of(event.announcer, AGENCY),
        "ce_type": event.full_type(),
        "ce_subject": f"{event.subject_kind}/{subject}",
        "ce_time": "2022-12-05T02:00:00.000Z",
        "ce_dataschema": event.schema_urn(),
        "ce_correlationid": str(correlation),
        "content-type": "application/json",
        "ce_id": str(event_id),
        "traceparent": f"00-{correlation.hex}-{event_id.hex[16:]}-01",
    }
    if event.kind == "facts":
        said["ce_sequence"] = str(sequence)
    return [(name, value.encode()) for name, value in said.items()]


@asynccontextmanager
async def bus(workplace: Workplace, services: Sequence[str]) -> AsyncIterator[Bus]:
    """Fact topics of these announcers, empty; deleted at the end of the block."""
    admin = AdminClient(workplace.stack.kafka.librdkafka())
    made = Bus(workplace)
    names = [made.topic(service) for service in services]
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        await asyncio.to_thread(future.result, 30)
    try:
        yield made
    finally:
        for future in admin.delete_topics(names).values():
            await asyncio.to_thread(future.result, 30)


@asynccontextmanager
async def deployment_on(workplace: Workplace, service: Service, database: Database) -> AsyncIterator[Deployment]:
    """A deployment of the demo's agency, as the stack's administrator."""
    username, password = workplace.stack.kafka_admin
    values: dict[str, Any] = {
        "mode": "laptop", "agency": AGENCY, "region": "64.72", "directory_file": _DIRECTORY,
        "topic_root": workplace.root, "database_url": database.dsn,
        "kafka_bootstrap": workplace.stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password,
        "oidc_issuer": "http://issuer.test", "oidc_jwks_url": "http://issuer.test/jwks",
        "vault_keys": f"1:{_KEY}", "blind_index_key": _KEY, "state_dir": workplace.state,
    }  # fmt: skip
    deployment = Deployment(service, service.settings(**values))
    try:
        yield deployment
    finally:
        await deployment.close()
