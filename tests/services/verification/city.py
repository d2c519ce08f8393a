"""The people of a verification deployment, as its tests tell them: officers who visit, supervisors who decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx2

from shared.events.intake import HouseholdRegistered
from shared.security import Role
from tests.fixtures.deployments import TestDeployment
from tests.services.verification.story import PLACE, entries, registered, visit

OFFICER = "petugas-1"
SUPERVISOR = "pengawas-1"
OTHER_SUPERVISOR = "pengawas-2"


class City:
    """One deployment, and shortcuts through its public API."""

    def __init__(self, deployment: TestDeployment) -> None:
        self.deployment = deployment

    def officer(self, subject: str = OFFICER, regions: Sequence[str] = ("64.72",)) -> httpx2.AsyncClient:
        return self.deployment.client(Role.FIELD_VERIFIER, subject=subject, regions=regions)

    def supervisor(self, subject: str = SUPERVISOR, regions: Sequence[str] = ("64.72",)) -> httpx2.AsyncClient:
        return self.deployment.client(Role.VERIFICATION_SUPERVISOR, subject=subject, regions=regions)

    async def assign(self, region: str = "64.72", officer: str = OFFICER) -> httpx2.Response:
        body = {"assignments": [{"region": region, "officer": officer}]}
        return await self.supervisor().post("/api/v1/assignments", json=body)

    async def listed(self, members: int = 3, region: str = PLACE) -> HouseholdRegistered:
        """A household of the closed list, with its case."""
        household = registered(members, region=region)
        await self.deployment.deliver(household, *entries(household), twice=False)
        return household

    async def assigned(self, members: int = 3, region: str = PLACE) -> tuple[UUID, HouseholdRegistered]:
        """A case that waits for its visit."""
        await self.assign()
        household = await self.listed(members, region)
        return await self.case_of(household), household

    async def visited(self, members: int = 3, **changed: Any) -> tuple[UUID, HouseholdRegistered]:
        """A case that waits for its decision."""
        case_id, household = await self.assigned(members)
        done = await self.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household, **changed))
        assert done.status_code == 201, done.text
        return case_id, household

    async def verified(self, members: int = 3) -> tuple[UUID, UUID, HouseholdRegistered]:
        """A verified case with its decision."""
        case_id, household = await self.visited(members)
        done = await self.decide(case_id, decision="verified")
        assert done.status_code == 201, done.text
        return case_id, UUID(done.json()["decision_id"]), household

    async def decide(self, case_id: UUID, *, by: str = SUPERVISOR, **body: Any) -> httpx2.Response:
        return await self.supervisor(by).post(f"/api/v1/cases/{case_id}/decision", json=body)

    async def case_of(self, household: HouseholdRegistered) -> UUID:
        """The newest case of a household."""
        rows = await self.deployment.fetch(
            "select id from verification_case where household_id = :id order by round desc", id=household.household_id
        )
        found: UUID = rows[0].id
        return found

    async def state_of(self, case_id: UUID) -> str:
        rows = await self.deployment.fetch("select state from verification_case where id = :id", id=case_id)
        found: str = rows[0].state
        return found
