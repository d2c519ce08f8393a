"""Draft the next parts of a file in processes beside this one, while this one writes.

The writing of a part waits for the database half of its time, and drafting needs a processor all of it. What is
drafted ahead lives in memory only: who takes a part up after a crash drafts it anew. The processes are started for
files of several parts, end when no file came for a while, and end with the process that started them.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
import structlog

from services.intake.drafts import Draft, draft_families
from services.intake.registrations import Source
from services.intake.settings import IntakeSettings
from shared.deployment import Deployment
from shared.security import Vault

log = structlog.get_logger(__name__)

PARTS_AHEAD: Final = 3
"""So many drafted parts are kept at most: what a crash throws away, and what they need of memory."""
PARTS_MIN: Final = 4
"""For fewer parts than these, starting processes takes longer than they save."""
IDLE_SECONDS: Final = 30.0


class SealedPart(NamedTuple):
    """A part as the database keeps it, and the file's own key, wrapped."""

    import_id: UUID
    number: int
    sealed: bytes
    wrapped_key: bytes


class Task(NamedTuple):
    """What has to be known to draft a part. Equal tasks give the same families."""

    part: SealedPart
    source: Source
    region: str
    today: date


@dataclass(eq=False)
class DraftAhead:
    """The drafts of one deployment's process that nobody has asked for yet."""

    deployment: Deployment
    _pool: ProcessPoolExecutor | None = None
    _ahead: dict[tuple[UUID, int], tuple[Task, Future[list[Draft]]]] = field(default_factory=dict)
    _closing: asyncio.TimerHandle | None = None

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that draft now."""
        return [] if self._pool is None else list(self._pool._processes)

    def begin(self, tasks: Sequence[Task]) -> None:
        """Have parts drafted that will be asked for soon."""
        processes = _processes_of(self.deployment)
        if not processes:
            return
        self._close_when_idle()
        for task in tasks:
            place = task.part.import_id, task.part.number
            if place in self._ahead or len(self._ahead) >= PARTS_AHEAD:
                continue
            self._pool = self._pool or _start(processes, self.deployment)
            try:
                future = self._pool.submit(_draft_in_process, task, self.deployment.clock.now())
            except BrokenProcessPool:
                self.close()
                return
            self._ahead[place] = task, future

    async def take(self, task: Task) -> list[Draft]:
        """The drafts of a part: made before, or made now."""
        before = self._ahead.pop((task.part.import_id, task.part.number), None)
        for import_id, number in list(self._ahead):
            # Parts follow one another: an earlier one was done elsewhere.
            if import_id == task.part.import_id and number < task.part.number:
                self._ahead.pop((import_id, number))[1].cancel()
        if before is not None and before[0] == task and not before[1].cancel():
            try:
                return await asyncio.wrap_future(before[1])
            except BrokenProcessPool:
                log.warning("drafting.process-lost")
                self.close()
        return _draft(self.deployment.vault, task, self.deployment.clock.now())

    def close(self) -> None:
        """End the processes; what they had in hand is forgotten."""
        if self._closing is not None:
            self._closing.cancel()
        self._ahead.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _close_when_idle(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.close)


def draft_ahead_of(deployment: Deployment) -> DraftAhead:
    """The drafts of a deployment in this process."""
    found = _OF_DEPLOYMENTS.get(deployment)
    if found is None:
        found = _OF_DEPLOYMENTS[deployment] = DraftAhead(deployment)
        deployment.when_closed.append(found.close)
    return found


_OF_DEPLOYMENTS: WeakKeyDictionary[Deployment, DraftAhead] = WeakKeyDictionary()


def _processes_of(deployment: Deployment) -> int:
    settings = deployment.settings
    return settings.import_processes if isinstance(settings, IntakeSettings) else 0


def _start(processes: int, deployment: Deployment) -> ProcessPoolExecutor:
    settings = deployment.settings
    # A fresh interpreter each: a fork would take the event loop's threads, locks and connections with it.
    return ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_be_a_drafter,
        initargs=(settings.deployment_keys(), settings.index_key()),
    )


def _draft(vault: Vault, task: Task, now: datetime) -> list[Draft]:
    part = task.part
    key = vault.household_key(part.import_id, part.wrapped_key)
    lines = [(number, cells) for number, cells in orjson.loads(key.open(f"part {part.number}", part.sealed))]
    return draft_families(vault, lines, task.source, task.region, today=task.today, now=now)


_vault: Vault | None = None
"""In a process that drafts: the keys it was started with."""


def _be_a_drafter(deployment_keys: dict[int, bytes], index_key: bytes) -> None:
    global _vault
    _vault = Vault(deployment_keys, index_key)
    # Drafts hold nothing that refers back to itself: looking for it costs a tenth of the time.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed says nothing to its processes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)


def _draft_in_process(task: Task, now: datetime) -> list[Draft]:
    if _vault is None:
        raise RuntimeError("this process was not started to draft")
    return _draft(_vault, task, now)
