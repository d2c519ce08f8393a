"""Reconcile: what a deployment announced and heard, held against the topics themselves. Works live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition
from sqlalchemy import func, select, text
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.events.topics import fact_topic
from shared.messaging.consumer import committed_offsets
from shared.messaging.heard import MarkKey
from shared.messaging.reading import read_topics
from shared.messaging.records import Received, glance
from shared.messaging.tables import announced, due, heard, outbox, parked
from shared.service import KINDS, Counted, Finding

if TYPE_CHECKING:
    from shared.deployment import Deployment


@dataclass
class Report:
    """One deployment's report. Every count is 0 when all is well."""

    service: str
    agency: str
    records: int = 0
    findings: list[Finding] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    """Figures that other deployments also know; the operator's run compares those of the same name."""

    def count(self, kind: str) -> int:
        return sum(each.count for each in self.findings if each.kind == kind)

    def as_dict(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "agency": self.agency,
            "records": self.records,
            **{kind: self.count(kind) for kind in KINDS},
            "findings": [{"kind": each.kind, "count": each.count, "where": each.where} for each in self.findings],
            "totals": self.totals,
        }


async def reconcile(deployment: Deployment) -> Report:
    """Hold this deployment's tables against the topics that it may read."""
    report = Report(deployment.service, deployment.agency)
    # In this order: whatever was committed below these offsets must be in the marks that are read after them.
    committed = await committed_offsets(deployment.settings, deployment.kernel.consumer.group)
    async with deployment.sessions() as session:
        await session.execute(text("set transaction isolation level repeatable read, read only"))
        tables = await _Tables.of(session)
        report.findings += tables.parked_and_failed()
        for check in deployment.declared.checks:
            report.findings += await check(session)
        counted = await deployment.declared.facts(session) if deployment.declared.facts is not None else []
        if deployment.declared.totals is not None:
            report.totals = await deployment.declared.totals(session)
    root = deployment.settings.topic_root
    own = _Own(fact_topic(root, deployment.service, deployment.agency), {each.key: {} for each in counted})
    unheard = 0
    async for batch in read_topics(deployment.settings):
        for raw in batch:
            received = glance(raw, root)
            own.saw(received)
            below = received.offset < committed.get(TopicPartition(received.topic, received.partition), 0)
            unheard += below and not tables.accounts_for(received)
        report.records += len(batch)
    report.findings += own.findings(tables) + own.miscounted(counted, tables)
    if unheard:
        report.findings.append(Finding("lost", unheard, "records below the committed offset, neither heard nor parked"))
    report.findings = [each for each in report.findings if each.count]
    return report


def differing_totals(reports: Iterable[Report]) -> list[Finding]:
    """Figures of the same name on which two deployments disagree."""
    known: dict[str, set[int]] = {}
    for report in reports:
        for name, figure in report.totals.items():
            known.setdefault(name, set()).add(figure)
    return [
        Finding("unexplained", 1, f"{name}: {sorted(figures)}") for name, figures in known.items() if len(figures) > 1
    ]


class Wording(NamedTuple):
    """What the versions of one fact share, and the version."""

    name: str
    version: str
    time: str
    correlation_id: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Wording:
        name, _, version = headers.get("ce_type", "").rpartition(".v")
        return cls(name, version, headers.get("ce_time", ""), headers.get("ce_correlationid", ""))


def said_again(wordings: Mapping[int, Wording]) -> int:
    """How many numbers of a key say once more, in another version, what the number before them said.

    Who says a fact in two versions says them one after the other, at one time, under one correlation id.
    """
    again, before, versions = 0, None, set[str]()
    for number in sorted(wordings):
        fact = wordings[number]._replace(version="")
        if fact == before and wordings[number].version not in versions:
            again += 1
        else:
            before, versions = fact, set()
        versions.add(wordings[number].version)
    return again


@dataclass
class _Tables:
    """What the deployment's own tables say, as of one snapshot."""

    announced: dict[bytes, int]
    in_outbox: dict[bytes, dict[int, Wording]]
    marks: dict[MarkKey, Any]
    parked: set[tuple[str, int, int]]
    waiting: int
    given_up: int

    @classmethod
    async def of(cls, session: Session) -> _Tables:
        numbers = await session.execute(select(announced.c.key, announced.c.last_sequence))
        in_outbox: dict[bytes, dict[int, Wording]] = {}
        for row in await session.execute(select(outbox.c.key, outbox.c.headers)):
            if "ce_sequence" in row.headers:
                in_outbox.setdefault(row.key, {})[int(row.headers["ce_sequence"])] = Wording.of(row.headers)
        marks = await session.execute(select(heard))
        kept = await session.execute(select(parked.c.topic, parked.c.partition, parked.c.offset))
        waiting = select(func.count()).select_from(parked).where(parked.c.state == "waiting")
        given_up = select(func.count()).select_from(due).where(due.c.failed_at.is_not(None))
        return cls(
            {row.key: row.last_sequence for row in numbers},
            in_outbox,
            {(row.topic, row.key): row for row in marks},
            {(row.topic, row.partition, row.offset) for row in kept},
            (await session.execute(waiting)).scalar_one(),
            (await session.execute(given_up)).scalar_one(),
        )

    def accounts_for(self, received: Received) -> bool:
        if (received.topic, received.partition, received.offset) in self.parked:
            return True
        mark = self.marks.get((received.topic, received.key))
        if mark is None:
            return False
        if received.sequence is not None:
            return bool(received.sequence <= mark.last_sequence)
        return bool(received.offset <= mark.last_offset)

    def parked_and_failed(self) -> list[Finding]:
        return [
            Finding("unexplained", self.waiting, "parked records that wait for somebody"),
            Finding("unexplained", self.given_up, "timers that were given up"),
        ]


@dataclass
class _Own:
    """The deployment's own topic: which numbers came, and whether first occurrences ascend."""

    topic: str
    wordings: dict[bytes, dict[int, Wording]] = field(default_factory=dict)
    """How each number was said, of the keys whose facts are to be counted."""
    came: dict[bytes, set[int]] = field(default_factory=dict)
    highest: dict[bytes, int] = field(default_factory=dict)
    out_of_order: int = 0

    def saw(self, received: Received) -> None:
        if received.topic != self.topic or received.sequence is None:
            return
        numbers = self.came.setdefault(received.key, set())
        if received.sequence in numbers:
            return
        numbers.add(received.sequence)
        if received.sequence < self.highest.get(received.key, 0):
            self.out_of_order += 1
        self.highest[received.key] = max(received.sequence, self.highest.get(received.key, 0))
        if received.key in self.wordings:
            headers = {name: value.decode("ascii", "replace") for name, value in received.raw.headers if value}
            self.wordings[received.key][received.sequence] = Wording.of(headers)

    def miscounted(self, counted: Iterable[Counted], tables: _Tables) -> list[Finding]:
        """Keys about which other than as many facts were announced as the tables stand for."""
        lost = twice = 0
        for each in counted:
            told = tables.in_outbox.get(each.key, {}) | self.wordings[each.key]
            # What was announced after the snapshot is on the topic, and not in the tables yet.
            known = {number: wording for number, wording in told.items() if number <= each.numbers}
            facts = each.numbers - said_again(known)
            lost += max(0, each.done - facts)
            twice += max(0, facts - each.done)
        where = "facts announced against what the tables stand for"
        return [Finding("lost", lost, where), Finding("twice", twice, where)]

    def findings(self, tables: _Tables) -> list[Finding]:
        lost = sum(
            1
            for key, last in tables.announced.items()
            for number in range(1, last + 1)
            if number not in self.came.get(key, ()) and number not in tables.in_outbox.get(key, ())
        )
        strange = sum(
            1
            for key, numbers in self.came.items()
            # What was announced after the snapshot is on the topic and not in the tables yet: only gaps below count.
            if key not in tables.announced and min(numbers) > 1
        )
        return [
            Finding("lost", lost, f"{self.topic}: announced, neither in the outbox nor on the topic"),
            Finding("out_of_order", self.out_of_order, f"{self.topic}: first occurrences that do not ascend"),
            Finding("unexplained", strange, f"{self.topic}: numbers of a key that was never announced"),
        ]
