"""A small service for the kernel's own tests: it counts what it hears and answers by announcing."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import insert

from shared.events.intake import HouseholdProfile, HouseholdRegistered, HouseholdUpdated
from shared.events.verification import VerificationOpened
from shared.messaging import Due, EventRouter, Fact, Session, TimerRouter, Tombstone, announce, schedule
from shared.service import Service
from shared.settings import DeploymentSettings
from tests.fixtures.deployments import TestDeployment

metadata = MetaData()
households = Table("test_household", metadata, Column("id", Uuid, primary_key=True), Column("revision", BigInteger))
effects = Table("test_effect", metadata, Column("event_id", Uuid), Column("what", Text))
events = EventRouter(service="verification")
timers = TimerRouter(service="verification")
TABLES = (
    "create table test_household (id uuid primary key, revision bigint)",
    "create table test_effect (event_id uuid, what text)",
)


@events.project(HouseholdRegistered, batch=True)
async def remember_households(registered: list[HouseholdRegistered], session: Session) -> None:
    rows = {each.household_id: {"id": each.household_id, "revision": each.revision} for each in registered}
    await session.execute(insert(households).on_conflict_do_nothing(), list(rows.values()))


@events.project(HouseholdUpdated)
async def remember_update(event: HouseholdUpdated, session: Session) -> None:
    if event.reason == "acts":
        announce(session, opening(event.household_id, event.region))
    row = {"id": event.household_id, "revision": event.revision}
    await session.execute(
        insert(households)
        .values(row)
        .on_conflict_do_update(index_elements=["id"], set_=row, where=households.c.revision < event.revision)
    )


@events.project(HouseholdProfile)
async def remember_profile(event: HouseholdProfile | Tombstone, session: Session, fact: Fact) -> None:
    what = "erased" if isinstance(event, Tombstone) else f"profile {event.revision}"
    await session.execute(effects.insert().values(event_id=fact.id, what=what))


@events.on(HouseholdRegistered)
async def open_case(event: HouseholdRegistered, session: Session, fact: Fact) -> None:
    if "breaks" in event.registers and await still_broken(session):
        raise RuntimeError(f"{event.household_id} of nik 6472010101010001")
    if "overflows" in event.registers:
        await session.execute(text("select cast(:number as int)"), {"number": 2**40})
    await session.execute(effects.insert().values(event_id=fact.id, what="opened"))
    announce(session, opening(event.household_id, event.region))
    await schedule(session, "look-again", session.info["deployment"].clock.now(), str(event.household_id))


@events.on(HouseholdUpdated)
async def note_update(event: HouseholdUpdated, session: Session, fact: Fact) -> None:
    await session.execute(effects.insert().values(event_id=fact.id, what=f"updated {event.revision}"))


@timers.due("look-again")
async def look_again(due: Due, session: Session) -> None:
    await session.execute(effects.insert().values(event_id=UUID(due.key), what="looked"))


def opening(household_id: UUID, region: str) -> VerificationOpened:
    return VerificationOpened(case_id=household_id, household_id=household_id, region=region, round=1, reason="cohort")


async def still_broken(session: Session) -> bool:
    return (await session.execute(text("select to_regclass('test_mended')"))).scalar_one() is None


WAITING_FOR_A_LOCK = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def waits_for_a_lock(city: TestDeployment) -> bool:
    """Whether somebody waits in the deployment's database for what another transaction holds."""
    return bool(await city.fetch(f"select 1 {WAITING_FOR_A_LOCK}"))


SERVICE = Service(
    name="verification",
    settings=DeploymentSettings,
    metadata=metadata,
    events=events,
    timers=timers,
    routes=(),
    read_models=(households,),
)


INTAKE = Service(
    name="intake",
    settings=DeploymentSettings,
    metadata=MetaData(),
    events=EventRouter(service="intake"),
    timers=TimerRouter(service="intake"),
    routes=(),
)
"""An announcer that hears nothing."""


def registered(
    household: UUID | None = None, *, registers: tuple[str, ...] = ("dtks",), region: str = "64.72.05.1002"
) -> HouseholdRegistered:
    return HouseholdRegistered(
        household_id=household or uuid4(), region=region, registers=list(registers), members=[], persons=0, revision=1
    )


def updated(household: UUID, revision: int, reason: str = "roster-corrected") -> HouseholdUpdated:
    return HouseholdUpdated(
        household_id=household, region="64.72.05.1002", registers=["dtks"], members=[], persons=0, revision=revision,
        reason=reason,
    )  # fmt: skip
