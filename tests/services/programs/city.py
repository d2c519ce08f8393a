"""A small city as programs hears of it: families of the closed list, visited, each with what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid5

import httpx2

from services.programs.app import SERVICE
from shared.events.fields import Category, CohortOutcome, MemberOutcome, OutcomeOfMember
from shared.events.intake import CohortEntryResolved, HouseholdRegistered, MemberProfile
from shared.events.verification import HouseholdVerified, VerifiedProfile
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment

COHORT = "P3KE-9000"
NOWHERE = UUID(int=0)
ALL_ROLES = (Role.PROGRAMME_OFFICER, Role.PAYMENT_MAKER, Role.PAYMENT_CHECKER, Role.PROPOSER)


@dataclass(frozen=True)
class Family:
    """A family of a test; ids follow from its name."""

    name: str
    persons: int = 2
    region: str = "64.72.05.1002"
    score: int = 70
    confirmed: int | None = None
    in_cohort: int | None = None
    category: Category = Category.EXTREME_POOR
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return uuid5(NOWHERE, self.name)

    @property
    def members(self) -> list[UUID]:
        return [uuid5(self.id, str(number)) for number in range(self.persons)]

    def registered(self) -> HouseholdRegistered:
        return HouseholdRegistered(
            household_id=self.id,
            region=self.region,
            registers=["p3ke"],
            members=self.members,
            persons=self.persons,
            without_card_reason=None,
            revision=1,
        )

    def entries(self) -> list[CohortEntryResolved]:
        listed = self.persons if self.in_cohort is None else self.in_cohort
        return [
            CohortEntryResolved(
                cohort_id=uuid5(NOWHERE, COHORT),
                cohort=COHORT,
                entry_id=uuid5(member, "entry"),
                region=self.region,
                outcome=CohortOutcome.MEMBER,
                household_id=self.id,
                member_id=member,
                revision=1,
            )
            for member in self.members[:listed]
        ]

    def verified(self, decided_on: date = date(2022, 12, 1), **changes: Any) -> HouseholdVerified:
        good = self.persons if self.confirmed is None else self.confirmed
        said = {
            "case_id": uuid5(self.id, "case"),
            "household_id": self.id,
            "region": self.region,
            "round": 1,
            "category": self.category,
            "score": self.score,
            "rule": "kemiskinan-2022-1",
            "outcomes": [
                OutcomeOfMember(member_id=member, outcome=MemberOutcome.CONFIRMED if at < good else MemberOutcome.MOVED)
                for at, member in enumerate(self.members)
            ],
            "reasons": ["floor-earth"],
            "evidence_sha256": [],
            "evidence_count": 0,
            "visited_on": decided_on,
            "decided_on": decided_on,
            "valid_until": decided_on.replace(year=decided_on.year + 2),
            "profile_revision": 1,
        }
        return HouseholdVerified(**{**said, **changes})

    def profile(self) -> VerifiedProfile:
        facts = {
            "owns_land": True,
            "unfit_house": True,
            "has_business": True,
            "committed": True,
            "income_per_person_rupiah": 300_000,
            **self.facts,
        }
        members = [
            MemberProfile(member_id=member, sex="female", birth_year=1985, relation="head" if at == 0 else "child")
            for at, member in enumerate(self.members)
        ]
        return VerifiedProfile(
            household_id=self.id, region=self.region, revision=1, category=self.category, members=members, **facts
        )


def families(count: int, **of: Any) -> list[Family]:
    """So many families, the first with the highest score."""
    return [Family(f"family-{number}", score=max(0, 99 - number), **of) for number in range(count)]


async def hear_of(deployment: TestDeployment, known: Sequence[Family], *, twice: bool = True) -> None:
    """Everything that intake and verification say of these families."""
    await deployment.deliver(*(each.registered() for each in known), agency="dinsos-samarinda", twice=twice)
    entries = [entry for each in known for entry in each.entries()]
    if entries:
        await deployment.deliver(*entries, agency="dinsos-samarinda", twice=twice)
    await deployment.deliver(*(each.profile() for each in known), agency="dinsos-samarinda", twice=twice)
    await deployment.deliver(*(each.verified() for each in known), agency="dinsos-samarinda", twice=twice)


@dataclass
class Office:
    """An agency's programs deployment with two people who hold every role between them."""

    deployment: TestDeployment
    one: httpx2.AsyncClient
    two: httpx2.AsyncClient

    @classmethod
    async def open(cls, deployment_of: DeploymentFactory, agency: str, file: str, **settings: Any) -> Office:
        """The agency with its programme published."""
        deployment = await deployment_of(SERVICE, agency=agency, **settings)
        one = deployment.client(*ALL_ROLES, subject="petugas-1")
        two = deployment.client(*ALL_ROLES, subject="petugas-2")
        office = cls(deployment, one, two)
        await office.post("/programmes", {"file": file}, expect=201)
        return office

    async def post(
        self, path: str, body: Any = None, *, by: httpx2.AsyncClient | None = None, expect: int = 200
    ) -> dict[str, Any]:
        answer = await (by or self.one).post(f"/api/v1{path}", json=body if body is not None else {})
        assert answer.status_code == expect, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.one.get(f"/api/v1{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def enrol(self, programme: str, known: Sequence[Family] | None = None, **decision: Any) -> dict[str, Any]:
        """Propose (by one) and approve (by two); the decided proposal."""
        wanted: dict[str, Any] = {"scan": {}}
        if known is not None:
            wanted = {"households": [str(each.id) for each in known]}
        proposal = await self.post(f"/programmes/{programme}/enrolments:batch", wanted, expect=201)
        return await self.approve(proposal, **decision)

    async def approve(self, proposal: dict[str, Any], **decision: Any) -> dict[str, Any]:
        body = {"approve": True, "decree": {"number": "460/112/2022", "dated": "2022-12-19"}, **decision}
        path = f"/proposals/{proposal['proposal_id']}"
        await self.post(f"{path}/decision", body, by=self.two)
        await self.deployment.run_due()
        decided: dict[str, Any] = await self.get(path)
        return decided

    async def approved_list(self, programme: str, period: str) -> dict[str, Any]:
        """A payment list that waits for the payer."""
        made = await self.post("/payment-lists", {"programme": programme, "period": period}, expect=201)
        await self.deployment.run_due()
        path = f"/payment-lists/{made['payment_list_id']}"
        await self.post(f"{path}/submission")
        return await self.decide_list(await self.get(path), approve=True)

    async def decide_list(self, made: dict[str, Any], *, approve: bool) -> dict[str, Any]:
        """The second person's word on a submitted list."""
        decree = {"number": "460/113/2022", "dated": "2022-12-20", "list_sha256": made["list_sha256"]}
        body = {"approve": True, "decree": decree} if approve else {"approve": False}
        return await self.post(f"/payment-lists/{made['payment_list_id']}/decision", body, by=self.two)

    async def payments(self, made: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.get(f"/payment-lists/{made['payment_list_id']}/items", limit=500, **parameters, **after)
            found += page["items"]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    async def results(
        self, made: dict[str, Any], lines: Sequence[str], *, expect: int = 200, run: bool = True
    ) -> dict[str, Any]:
        content = "\n".join(["payment_id,status,reason,paid_on", *lines]) + "\n"
        answer = await self.one.post(
            f"/api/v1/payment-lists/{made['payment_list_id']}/results",
            files={"file": ("hasil.csv", content.encode(), "text/csv")},
        )
        assert answer.status_code == expect, answer.text
        told: dict[str, Any] = json.loads(answer.text)
        if run:
            await self.deployment.run_due()
        return told

    async def second(self, correction: dict[str, Any]) -> dict[str, Any]:
        """The second person approves a request."""
        return await self.post(f"/corrections/{correction['correction_id']}/decision", {"approve": True}, by=self.two)

    async def line(self, programme: str) -> dict[str, int]:
        [line] = await self.get(f"/programmes/{programme}/fund-lines")
        return {name.removesuffix("_rupiah"): figure for name, figure in line.items() if name.endswith("_rupiah")}

    async def reconcile(self) -> list[Any]:
        """What our checks find, once the deployment has heard itself."""
        await self.deployment.hear_own()
        async with self.deployment.session() as session:
            return [finding for check in SERVICE.checks for finding in await check(session)]
