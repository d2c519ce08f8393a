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
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

import structlog

from services.intake.csv_files import Dialect, NumberedLine
from services.intake.drafts import Draft, Drafter
from services.intake.identity import open_part
from services.intake.registrations import Source
from services.intake.settings import IntakeSettings
from shared.deployment import Deployment
from shared.logging import configure_logging
from shared.messaging.announcing import Announcer
from shared.messaging.causes import Cause
from shared.security import Vault

log = structlog.get_logger(__name__)

PARTS_AHEAD: Final = 3
"""So many drafted parts are kept at most: what a crash throws away, and what they need of memory."""
PARTS_MIN: Final = 3
"""For fewer parts than these, starting processes takes longer than they save: a second or two, a part some 0.4."""
IDLE_SECONDS: Final = 30.0
DRAFTING_SECONDS_MAX: Final = 60.0
"""So long a part waits for its draft, and so old a draft may be when it is taken.

Its moment becomes that of the registration and of its events: they may say two minutes less than when they are written.
"""
REST_SECONDS: Final = 60.0
"""So long parts are drafted in place after a process could not be started, or was lost."""
TASKS_PER_PROCESS_MAX: Final = 1_000


class SealedPart(NamedTuple):
    """A part as the database keeps it, and the file's own key, wrapped."""

    import_id: UUID
    number: int
    sealed: bytes
    wrapped_key: bytes


class Task(NamedTuple):
    """What has to be known to draft a part. Equal tasks give the same families."""

    part: SealedPart
    dialect: Dialect
    source: Source
    region: str
    today: date
    cause: Cause

    def opened(self, vault: Vault) -> list[NumberedLine]:
        """The lines of the part."""
        key = vault.household_key(self.part.import_id, self.part.wrapped_key)
        return open_part(key, self.part.number, self.part.sealed)


@dataclass(frozen=True, slots=True)
class _Begun:
    task: Task
    at: float
    future: Future[list[Draft]]


@dataclass(eq=False)
class DraftAhead:
    """The drafts of one deployment's process that nobody has asked for yet."""

    deployment: Deployment
    _pool: ProcessPoolExecutor | None = None
    _begun: dict[tuple[UUID, int], _Begun] = field(default_factory=dict)
    _closing: asyncio.TimerHandle | None = None
    _rests_until: float = 0.0

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that draft now."""
        return [] if self._pool is None else list(self._pool._processes)

    async def take(self, task: Task, then: Sequence[Task] = ()) -> list[Draft]:
        """The drafts of a part: made before, or made now. Those of the parts that come next are begun with."""
        before = self._begun.pop(_place(task), None)
        self._forget_all_but(then)
        self._begin(then)
        if before is not None and before.task == task and self._is_fresh(before):
            try:
                async with asyncio.timeout(DRAFTING_SECONDS_MAX):
                    # Never cancelled: a process that is lost ends the pool's thread, if a future was (Python 3.11).
                    return await asyncio.shield(asyncio.wrap_future(before.future))
            except Exception as error:  # noqa: BLE001 - whatever keeps a draft from coming, it can be made here
                self._rest(error)
        deployment = self.deployment
        # Beside the loop, which has more to do than this file.
        return await asyncio.to_thread(
            _draft, deployment.vault, deployment.kernel.announcer, task, deployment.clock.now()
        )

    def parts_of(self, import_id: UUID) -> dict[int, SealedPart]:
        """The parts of a file that are at hand, because they were begun with; by their numbers."""
        return {number: begun.task.part for (one, number), begun in self._begun.items() if one == import_id}

    def close(self) -> None:
        """End the processes; what they had in hand is forgotten."""
        if self._closing is not None:
            self._closing.cancel()
        self._begun.clear()
        if self._pool is not None:
            processes = list(self._pool._processes.values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            for each in processes:
                each.kill()

    def _begin(self, tasks: Sequence[Task]) -> None:
        now = time.monotonic()
        processes = _processes_of(self.deployment)
        if not processes or not tasks or now < self._rests_until:
            return
        self._close_when_idle()
        for task in tasks:
            if _place(task) in self._begun or len(self._begun) >= PARTS_AHEAD:
                continue
            try:
                self._pool = self._pool or _start(processes, self.deployment)
                future = self._pool.submit(_draft_in_process, task, self.deployment.clock.now())
            except (OSError, RuntimeError) as error:
                # No memory, no more processes, or the last one was lost.
                self._rest(error)
                return
            self._begun[_place(task)] = _Begun(task, now, future)

    def _forget_all_but(self, tasks: Sequence[Task]) -> None:
        """What somebody else has done meanwhile, and what lay too long."""
        wanted = set(map(_place, tasks))
        for place, begun in list(self._begun.items()):
            if place not in wanted or not self._is_fresh(begun):
                del self._begun[place]

    def _is_fresh(self, begun: _Begun) -> bool:
        return time.monotonic() - begun.at < DRAFTING_SECONDS_MAX

    def _rest(self, error: Exception) -> None:
        log.warning("drafting.rests", error=type(error).__name__)
        self._rests_until = time.monotonic() + REST_SECONDS
        self.close()

    def _close_when_idle(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.close)


def _place(task: Task) -> tuple[UUID, int]:
    return task.part.import_id, task.part.number


def draft_ahead_of(deployment: Deployment) -> DraftAhead:
    """The drafts of a deployment in this process."""
    found = _OF_DEPLOYMENTS.get(id(deployment))
    if found is None:
        found = _OF_DEPLOYMENTS[id(deployment)] = DraftAhead(deployment)
        deployment.when_closed += [found.close, partial(_forget, id(deployment))]
    return found


def _forget(deployment: int) -> None:
    _OF_DEPLOYMENTS.pop(deployment, None)


_OF_DEPLOYMENTS: Final[dict[int, DraftAhead]] = {}


def _processes_of(deployment: Deployment) -> int:
    settings = deployment.settings
    assert isinstance(settings, IntakeSettings)  # noqa: S101 - app.py declares them
    return settings.import_processes


def _start(processes: int, deployment: Deployment) -> ProcessPoolExecutor:
    settings = deployment.settings
    # A fresh interpreter each: a fork would take the event loop's threads, locks and connections with it.
    return ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_be_a_drafter,
        initargs=(settings.deployment_keys(), settings.index_key(), deployment.kernel.announcer),
        max_tasks_per_child=TASKS_PER_PROCESS_MAX,
    )


def _draft(vault: Vault, announcer: Announcer, task: Task, now: datetime) -> list[Draft]:
    drafter = Drafter(vault, announcer, task.cause, task.source, task.region, task.today, now)
    return drafter.draft(task.dialect.read(task.opened(vault)))


_own: tuple[Vault, Announcer] | None = None
"""In a process that drafts: the keys it was started with, and whose words it writes."""


def _be_a_drafter(deployment_keys: dict[int, bytes], index_key: bytes, announcer: Announcer) -> None:
    global _own
    configure_logging("warning", for_good=True, service="intake")
    _own = Vault(deployment_keys, index_key), announcer
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
    if _own is None:
        raise RuntimeError("this process was not started to draft")
    return _draft(*_own, task, now)
