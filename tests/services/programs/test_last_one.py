"""Two hundred hands reach for the last place, and for the last Rp 300.000: exactly one gets it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.programs.app import SERVICE
from services.programs.claim_place import claim
from services.programs.commands import fund_lines_equal_their_journal
from services.programs.load_programme import in_force, lock_quotas
from services.programs.models import SlotState
from services.programs.move_money import Item, may_move
from services.programs.programme_files import shipped
from services.programs.rules.ledger import Move
from shared.events.programs import HouseholdEnrolled
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import ALL_ROLES, Office, families, hear_of

HANDS = 200
CONNECTIONS = 90


async def test_200_claims_on_the_last_place(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023", database_pool_max=CONNECTIONS)
    quota = {"region": "64.72.05", "period": "2023", "places": 1, "reason": "budget-changed"}
    quota_id = UUID((await office.post("/programmes/UEP-2023/quotas", quota))["quota_id"])

    async def reach() -> bool:
        async with office.deployment.transaction() as session:
            running = await in_force(session, "UEP-2023")
            [locked] = await lock_quotas(session, running.programme_id, quota_id)
            slots = await claim(session, running.programme, locked, 1)
            for slot in slots or []:
                slot.state, slot.household_id = SlotState.OFFERED, uuid7()
            return slots is not None

    got = await asyncio.gather(*(reach() for _ in range(HANDS)))
    assert sum(got) == 1
    assert await office.reconcile() == []


async def test_200_claims_on_the_last_rp_300_000(deployment_of: DeploymentFactory) -> None:
    office = await with_ceiling(deployment_of, 300_000, database_pool_max=CONNECTIONS)
    [row] = await office.deployment.fetch("select fund_line_id from fund_line")

    async def reach() -> bool:
        async with office.deployment.transaction() as session:
            items = [Item(300_000, uuid7())]
            return await may_move(session, row.fund_line_id, Move.RESERVE, items, reason="test", by="one")

    got = await asyncio.gather(*(reach() for _ in range(HANDS)))
    assert sum(got) == 1
    line = await office.line("BLT-2022")
    assert (line["reserved"], line["left"]) == (300_000, 0)
    async with office.deployment.session() as session:
        assert await fund_lines_equal_their_journal(session) == []


async def test_many_decisions_at_once_on_the_last_money(deployment_of: DeploymentFactory) -> None:
    office = await with_ceiling(deployment_of, 300_000)
    known = families(20, persons=1)
    await hear_of(office.deployment, known, twice=False)
    proposals = [
        await office.post("/programmes/BLT-2022/enrolments:batch", {"households": [str(each.id)]}, expect=201)
        for each in known
    ]
    assert all(proposal["accepted"] == 1 for proposal in proposals)
    decided = await asyncio.gather(*(office.approve(proposal) for proposal in proposals))
    assert sorted(each["accepted"] for each in decided) == [0] * 19 + [1]
    assert len(await office.deployment.announced(HouseholdEnrolled)) == 1
    assert await office.reconcile() == []


async def with_ceiling(deployment_of: DeploymentFactory, ceiling: int, **settings: Any) -> Office:
    """BLT with another ceiling, published as a document of one's own."""
    deployment = await deployment_of(SERVICE, agency="dinsos-samarinda", **settings)
    one = deployment.client(*ALL_ROLES, subject="petugas-1")
    office = Office(deployment, one, deployment.client(*ALL_ROLES, subject="petugas-2"))
    document = shipped()["blt-samarinda-2022"].replace("ceiling_rupiah: 2700000000", f"ceiling_rupiah: {ceiling}")
    await office.post("/programmes", {"document": document}, expect=201)
    return office
