"""No schedule of reserve, commit, realise, return and reverse breaks a sum or a ceiling: PostgreSQL beside a model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.app import SERVICE
from services.programs.models import FundLineRow, ProgrammeRow, Transfer
from services.programs.move_money import Item, balances, may_move
from services.programs.rules.ledger import PATHS, Account, Balances, Move, balances_of
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.programs.city import Office

AMOUNTS = st.integers(min_value=1, max_value=2_000_000)
MOVES = st.sampled_from(list(Move))
OFF_THE_PATHS = """
    insert into transfer
    select gen_random_uuid(), fund_line_id, 'realise', 'available', 'realised', 5, null, null, 'x', 'x', made_at
    from transfer
"""
CEILINGS = st.integers(min_value=1, max_value=5_000_000)


class FundLineMachine(RuleBasedStateMachine):
    """A fund line beside its model. Every step also happens in a transaction of its own, some of them at once."""

    deployment: ClassVar[TestDeployment]
    runner: ClassVar[asyncio.Runner]

    @initialize(ceiling=CEILINGS)
    def open(self, ceiling: int) -> None:
        self.model = Balances()
        self.line: UUID = self.runner.run(self._open())
        self.move_alone(Move.GRANT, ceiling)

    @rule(move=MOVES, rupiah=AMOUNTS)
    def move_alone(self, move: Move, rupiah: int) -> None:
        after = self.model.after(move, rupiah)
        assert self.runner.run(self._move(move, [rupiah])) is (after is not None)
        self.model = after or self.model

    @rule(move=MOVES, amounts=st.lists(AMOUNTS, min_size=2, max_size=5))
    def move_together(self, move: Move, amounts: list[int]) -> None:
        """All of a list, or nothing of it."""
        after = self.model.after(move, sum(amounts))
        assert self.runner.run(self._move(move, amounts)) is (after is not None)
        self.model = after or self.model

    @rule(steps=st.lists(st.tuples(MOVES, AMOUNTS), min_size=2, max_size=6))
    def move_at_once(self, steps: list[tuple[Move, int]]) -> None:
        """Whoever wins a race, what was accepted adds up."""
        accepted = self.runner.run(self._race(steps))
        changed = dict.fromkeys(Account, 0)
        for (move, rupiah), yes in zip(steps, accepted, strict=True):
            if yes:
                leaves, enters = PATHS[move]
                changed[leaves] -= rupiah
                changed[enters] += rupiah
        self.model = replace(
            self.model,
            **{
                account.value: getattr(self.model, account.value) + changed[account]
                for account in Account
                if account is not Account.CEILING
            },
        )

    @invariant()
    def the_line_is_what_the_model_and_the_journal_say(self) -> None:
        if not hasattr(self, "line"):
            return
        kept, ceiling, journal = self.runner.run(self._read())
        assert kept == self.model == journal
        assert min(kept.available, kept.reserved, kept.committed, kept.realised, kept.returned) >= 0
        assert kept.ceiling == ceiling

    async def _open(self) -> UUID:
        programme_id, line = uuid7(), uuid7()
        async with self.deployment.transaction() as session:
            await session.execute(
                insert(ProgrammeRow), [{"programme_id": programme_id, "code": str(programme_id), "version": 1}]
            )
            session.add(
                FundLineRow(
                    fund_line_id=line, programme_id=programme_id, code=str(line), region="64.72", fiscal_year=2022,
                    funding="apbd-city", component="test", ceiling_rupiah=0, available=0,
                )
            )  # fmt: skip
        return line

    async def _move(self, move: Move, amounts: list[int]) -> bool:
        async with self.deployment.transaction() as session:
            items = [Item(rupiah, uuid7()) for rupiah in amounts]
            return await may_move(session, self.line, move, items, reason="test", by="somebody")

    async def _race(self, steps: list[tuple[Move, int]]) -> list[bool]:
        return await asyncio.gather(*(self._move(move, [rupiah]) for move, rupiah in steps))

    async def _read(self) -> tuple[Balances, int, Balances]:
        async with self.deployment.session() as session:
            line = await session.get_one(FundLineRow, self.line)
            rows = await session.execute(
                select(col(Transfer.move), col(Transfer.rupiah)).where(col(Transfer.fund_line_id) == self.line)
            )
            return balances(line), line.ceiling_rupiah, balances_of((Move(move), rupiah) for move, rupiah in rows)


async def test_no_schedule_breaks_a_sum_or_a_ceiling(deployment_of: DeploymentFactory) -> None:
    deployment = await deployment_of(SERVICE)

    def play() -> None:
        with asyncio.Runner() as runner:
            FundLineMachine.deployment, FundLineMachine.runner = deployment, runner
            run_state_machine_as_test(
                FundLineMachine,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
            runner.run(deployment.deployment.engine.dispose())

    await asyncio.to_thread(play)


@pytest.mark.parametrize(
    "statement",
    [
        "update transfer set rupiah = 1",
        "delete from transfer",
        "update fund_line set available = available - 1",
        "update fund_line set available = -1, reserved = ceiling_rupiah + 1",
        "update quota set taken = places + 1",
        OFF_THE_PATHS,
    ],
)
async def test_the_database_itself_refuses(deployment_of: DeploymentFactory, statement: str) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    async with office.deployment.session() as session:
        with pytest.raises(DBAPIError):
            await session.execute(text(statement))


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        (Move.GRANT, Balances(), Balances(available=5)),
        (Move.CUT, Balances(available=5), Balances()),
        (Move.RESERVE, Balances(available=5), Balances(reserved=5)),
        (Move.RELEASE, Balances(reserved=5), Balances(available=5)),
        (Move.COMMIT, Balances(reserved=5), Balances(committed=5)),
        (Move.REALISE, Balances(committed=5), Balances(realised=5)),
        (Move.FAIL, Balances(committed=5), Balances(available=5)),
        (Move.RETURN, Balances(realised=5), Balances(returned=5)),
        (Move.REVERSE, Balances(realised=5), Balances(available=5)),
    ],
)
def test_money_moves_on_known_paths_only(move: Move, before: Balances, after: Balances) -> None:
    assert before.after(move, 5) == after
    short: Any = before.after(move, 6)
    assert short is None or move is Move.GRANT
