"""15. The ledger's state machine at length: every schedule of moves beside a small model, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import func, select

from services.programs.commands import fund_lines_equal_their_journal
from services.programs.models import FundLineRow, Transfer
from shared.deployment import Deployment
from shared.messaging import Session
from tests.drills.load import DINSOS
from tests.drills.looking import opened
from tests.drills.scene import Drill, Scene
from tests.services.programs.test_ledger import FundLineMachine

DRILL = Drill(15, "the ledger's state machine at length")


class _AsATest:
    """A deployment as the machine of the tests expects it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def session(self) -> Session:
        return self._deployment.sessions()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self.session() as session:
            yield session
            await self._deployment.kernel.commit(session)


class LongFundLineMachine(FundLineMachine):
    """The machine of the tests, on the deployment of a drill; counts what it did."""

    deployment: ClassVar[Any]
    lives: ClassVar[int] = 0

    def teardown(self) -> None:
        LongFundLineMachine.lives += 1


@DRILL.run
async def run(scene: Scene) -> None:
    # The machine's transactions have a database to themselves: its lines are claimed by no enrolment.
    async with scene.city() as city, opened(city, f"programs.{DINSOS}") as deployment:
        for process in city.processes.values():
            await process.stop()
        LongFundLineMachine.lives = 0
        try:
            await asyncio.to_thread(play, scene, deployment)
        except Exception as broken:  # noqa: BLE001 - the schedule that breaks it is in the notes of the exception
            said = [str(broken), *getattr(broken, "__notes__", [])]
            scene.expect(False, f"{type(broken).__name__}: {' '.join(said)[:1500]}")
        await judge(scene, deployment)


def play(scene: Scene, deployment: Deployment) -> None:
    """In a thread and loop of its own: Hypothesis calls plain functions. The scene's seed decides every schedule."""
    options = settings(
        max_examples=scene.at_size(15, 400),
        stateful_step_count=scene.at_size(50, 250),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    seeded = seed(scene.seed)(type("SeededFundLine", (LongFundLineMachine,), {}))
    with asyncio.Runner() as runner:
        LongFundLineMachine.deployment, LongFundLineMachine.runner = _AsATest(deployment), runner
        try:
            run_state_machine_as_test(seeded, settings=options)
        finally:
            runner.run(deployment.engine.dispose())


async def judge(scene: Scene, deployment: Deployment) -> None:
    """All the lines that were made equal their journal, and none is beyond its ceiling."""
    async with deployment.sessions() as session:
        for finding in await fund_lines_equal_their_journal(session):
            setattr(scene.outcome, finding.kind, getattr(scene.outcome, finding.kind) + finding.count)
            scene.outcome.failed.append(f"{finding.where}: {finding.count}")
        scene.note("fund_lines", (await session.execute(select(func.count()).select_from(FundLineRow))).scalar_one())
        scene.note("transfers", (await session.execute(select(func.count()).select_from(Transfer))).scalar_one())
    scene.note("schedules", LongFundLineMachine.lives)
    scene.expect(LongFundLineMachine.lives >= scene.at_size(15, 400), "Every schedule was played to its end.")
