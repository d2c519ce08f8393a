"""What time does: overdue visits once a day per kelurahan, expiry, and cases that were left without an officer."""

from __future__ import annotations

from datetime import date

from services.verification.commands import CHECKS, facts_of_households
from services.verification.rules.sharing import region_id
from shared.events.intake import HouseholdWithdrawn
from shared.events.verification import VerificationExpired, VerificationOpened, VisitsOverdue
from tests.services.verification.city import OTHER_SUPERVISOR, City
from tests.services.verification.story import visit

NORTH, SOUTH = "64.72.05.1002", "64.72.01.1001"


async def findings(city: City) -> list[str]:
    async with city.deployment.session() as session:
        return [f"{each.kind} {each.count} {each.where}" for check in CHECKS for each in await check(session)]


async def miscounted(city: City) -> list[int]:
    async with city.deployment.session() as session:
        return [each.done - each.numbers for each in await facts_of_households(session)]


async def test_overdue_visits_are_told_once_a_day_per_kelurahan(city: City) -> None:
    for region in (NORTH, NORTH, SOUTH):
        await city.listed(members=1, region=region)
    city.deployment.clock.move(days=30)
    await city.deployment.run_due()
    assert await city.deployment.announced(VisitsOverdue) == []
    city.deployment.clock.move(days=1)
    await city.deployment.run_due()
    await city.deployment.run_due()
    told = await city.deployment.announced(VisitsOverdue)
    assert [(each.region, each.households, each.counted_on) for each in told] == [
        (SOUTH, 1, date(2023, 1, 5)), (NORTH, 2, date(2023, 1, 5)),
    ]  # fmt: skip
    assert told[0].region_id == region_id(SOUTH)
    city.deployment.clock.move(days=1)
    await city.deployment.run_due()
    assert len(await city.deployment.announced(VisitsOverdue)) == 4
    assert await findings(city) == []


async def test_a_visited_case_is_not_overdue(city: City) -> None:
    await city.visited()
    city.deployment.clock.move(days=60)
    await city.deployment.run_due()
    assert await city.deployment.announced(VisitsOverdue) == []


async def test_a_verification_expires_the_day_after_its_last_and_the_household_is_visited_again(city: City) -> None:
    case_id, _, household = await city.verified()
    city.deployment.clock.move(days=365)
    await city.deployment.run_due()
    assert await city.deployment.announced(VerificationExpired) == []
    city.deployment.clock.move(days=2)
    await city.deployment.run_due()
    (said,) = await city.deployment.announced(VerificationExpired)
    assert (said.case_id, said.expired_on) == (case_id, date(2023, 12, 6))
    assert await city.state_of(case_id) == "expired"
    opened = await city.deployment.announced(VerificationOpened)
    assert [(each.round, each.reason) for each in opened] == [(1, "cohort"), (2, "expired")]
    following = await city.case_of(household)
    assert await city.state_of(following) == "assigned"
    assert await findings(city) == []


async def test_a_household_that_left_is_not_visited_again(city: City) -> None:
    case_id, _, household = await city.verified()
    gone = HouseholdWithdrawn(
        household_id=household.household_id, region=household.region, reason="moved-away", revision=2
    )
    await city.deployment.deliver(gone)
    assert await city.state_of(case_id) == "verified"
    city.deployment.clock.move(days=400)
    await city.deployment.run_due()
    assert len(await city.deployment.announced(VerificationExpired)) == 1
    assert len(await city.deployment.announced(VerificationOpened)) == 1


async def test_reconcile_finds_what_does_not_add_up(city: City) -> None:
    case_id, decision_id, household = await city.verified()
    body = {"decision_id": str(decision_id), "reason": "decided-in-error"}
    await city.supervisor(OTHER_SUPERVISOR).post(f"/api/v1/cases/{case_id}/revocation", json=body)
    second = await city.case_of(household)
    await city.officer().post(f"/api/v1/cases/{second}/visits", json=visit(household))
    await city.decide(second, decision="returned", reasons=["evidence-unclear"])
    await city.officer().post(f"/api/v1/cases/{second}/visits", json=visit(household))
    await city.decide(second, decision="rejected", reasons=["refused"])
    assert (await findings(city), await miscounted(city)) == ([], [])
    connection = await city.deployment.database.connect()
    await connection.execute("update visit set visited_by = 'pengawas-1'")
    await connection.execute("update kernel.announced set last_sequence = last_sequence - 2")
    assert await findings(city) == ["unexplained 2 verification_case: decided without two people"]
    assert await miscounted(city) == [2]
    await connection.close()
