"""A small Samarinda for the eye: a closed list that is worked down from December to June, by three agencies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events.envelope import Event
from shared.events.intake import CohortClosed, CohortEntryResolved, HouseholdRegistered, RegisterSnapshotImported
from shared.events.programs import (
    AidDisbursed,
    FundLineExhausted,
    FundLineOpened,
    HouseholdEnrolled,
    HouseholdGraduated,
    HouseholdWaitlisted,
    PaymentListSettled,
    PaymentListSubmitted,
    QuotaAllocated,
    QuotaThresholdReached,
    ServiceDelivered,
    SlotFilled,
    SlotReleased,
)
from shared.events.verification import HouseholdRejected, HouseholdVerified, VerificationOpened
from shared.regions import Regions
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import an_id, changed

CITY, COOPERATIVES, WORKS, PROVINCE = "dinsos-samarinda", "dinkop-samarinda", "pupr-samarinda", "dinsos-kaltim"
BLT = {"programme": "BLT-2022", "programme_id": an_id("BLT"), "fund_line": "APBD-2022/64.72/BLT"}
UEP = {"programme": "UEP-2023", "programme_id": an_id("UEP")}
HOUSES = {"programme": "RTLH-2023", "programme_id": an_id("RTLH"), "fund_line": "APBD-2023/64.72/RTLH"}
OUTCOMES = ("confirmed",) * 82 + ("died",) * 5 + ("moved",) * 7 + ("not-found",) * 6
LAST_DAY = date(2023, 6, 14)


@dataclass(frozen=True)
class Scene:
    deployment: TestDeployment
    url: str


@dataclass
class Family:
    household_id: UUID
    region: str
    outcomes: dict[UUID, str]
    """By member; the outcome that the visit will establish."""
    about: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.about = {"household_id": self.household_id, "region": self.region}

    @property
    def confirmed(self) -> list[UUID]:
        return [member for member, outcome in self.outcomes.items() if outcome == "confirmed"]

    def enrolment(self, programme: str) -> UUID:
        return an_id(f"{self.household_id}/{programme}")


def families_of(number: int) -> list[Family]:
    """Families all over the city, the same ones every time."""
    dice = random.Random(64)
    villages = [region.code for region in Regions.load().villages("64.72")]
    return [
        Family(
            an_id(f"family-{place}"),
            dice.choice(villages),
            {an_id(f"member-{place}-{member}"): dice.choice(OUTCOMES) for member in range(dice.randint(3, 8))},
        )
        for place in range(number)
    ]


async def play(deployment: TestDeployment, *, listed: int = 120, registered: int = 400) -> None:
    """The whole story, announced as the agencies would."""
    everyone = families_of(registered)
    cohort = everyone[:listed]
    told = Teller(deployment)
    await told.on(date(2022, 12, 5), register(everyone, cohort))
    await told.on(date(2022, 12, 12), (opened(each) for each in cohort[: listed * 3 // 4]))
    third = listed // 3
    for month, group in ((1, cohort[:third]), (2, cohort[third : 2 * third]), (4, cohort[2 * third : listed - 9])):
        await told.on(date(2023, month, 17), (decided(each, place) for place, each in enumerate(group)))
    verified = [each for place, each in enumerate(cohort[: 2 * third]) if place % third % 9 and each.confirmed]
    await told.on(date(2023, 3, 3), money(verified))
    await told.on(date(2023, 3, 20), paid(verified[:-6]), settled(verified))
    coached = verified[:: max(1, len(verified) // 24)]
    await told.on(date(2023, 4, 4), places(coached), agency=COOPERATIVES)
    await told.on(date(2023, 5, 16), succession(coached, verified[1]), agency=COOPERATIVES, story=an_id("graduation"))
    await told.on(date(2023, 6, 1), houses(verified[2:8]), agency=WORKS)
    await told.on(date(2023, 6, 13), [enrolled(verified[3], "PKH-2023", "family")], agency=PROVINCE)
    deployment.clock.move_to(datetime(2023, 6, 14, 3, 30, tzinfo=UTC))


@dataclass
class Teller:
    deployment: TestDeployment

    async def on(self, day: date, *groups: Iterable[Event], agency: str = CITY, story: UUID | None = None) -> None:
        """Announce events at ten in the morning of a day in Samarinda."""
        at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
        self.deployment.clock.move_to(at)
        events = [event for group in groups for event in group]
        for start in range(0, len(events), 500):
            batch = events[start : start + 500]
            await self.deployment.deliver(*batch, agency=agency, at=at, twice=False, correlation_id=story)


def register(everyone: list[Family], cohort: list[Family]) -> Iterable[Event]:
    for each in everyone:
        members = list(each.outcomes)
        yield changed(HouseholdRegistered, **each.about, members=members, persons=len(members))
    persons = sum(len(each.outcomes) for each in everyone)
    yield changed(
        RegisterSnapshotImported, rows=persons + 12, persons=persons, households=len(everyone), rejected=9, held=3
    )
    by_region = Counter(region for each in cohort for region in [each.region] * len(each.outcomes))
    yield changed(
        CohortClosed,
        baseline_persons=by_region.total(),
        baseline_families=len(cohort),
        by_region=[{"region": region, "persons": persons} for region, persons in by_region.items()],
    )
    rows = [(family, member) for family in cohort for member in family.outcomes]
    for place, (each, member) in enumerate(rows):
        outcome = {0: "unmatched", 1: "damaged", 2: "duplicate"}.get(place % 55, "member")
        entry_id = an_id(f"entry/{member}")
        yield changed(CohortEntryResolved, **each.about, member_id=member, entry_id=entry_id, outcome=outcome)


def opened(family: Family) -> Event:
    event: Event = changed(VerificationOpened, **family.about, case_id=family.enrolment("case"))
    return event


def decided(family: Family, place: int) -> Event:
    outcomes = [{"member_id": member, "outcome": outcome} for member, outcome in family.outcomes.items()]
    kind = HouseholdVerified if place % 9 and family.confirmed else HouseholdRejected
    event: Event = changed(kind, **family.about, case_id=family.enrolment("case"), outcomes=outcomes)
    return event


def enrolled(family: Family, programme: str, unit: str) -> Event:
    event: Event = changed(
        HouseholdEnrolled,
        **family.about,
        programme=programme,
        enrolment_id=family.enrolment(programme),
        members=family.confirmed,
        persons=len(family.confirmed),
        unit=unit,
    )
    return event


def money(families: list[Family]) -> Iterable[Event]:
    persons = sum(len(each.confirmed) for each in families)
    yield changed(FundLineOpened, **BLT, ceiling_rupiah=300_000 * persons + 24_600_000)
    yield from (enrolled(each, "BLT-2022", "person") for each in families)
    yield changed(PaymentListSubmitted, **BLT, families=len(families), persons=persons, rupiah=300_000 * persons)


def paid(families: list[Family]) -> Iterable[Event]:
    for each in families:
        yield changed(
            AidDisbursed,
            **each.about,
            **BLT,
            enrolment_id=each.enrolment("BLT-2022"),
            payment_id=each.enrolment("payment"),
            rupiah=300_000 * len(each.confirmed),
            persons=len(each.confirmed),
        )


def settled(families: list[Family]) -> Iterable[Event]:
    done = sum(len(each.confirmed) for each in families[:-6])
    open_ones = sum(len(each.confirmed) for each in families[-6:])
    yield changed(
        PaymentListSettled,
        **BLT,
        families_paid=len(families) - 6,
        families_failed=6,
        persons_paid=done,
        persons_failed=open_ones,
        paid_rupiah=300_000 * done,
        failed_rupiah=300_000 * open_ones,
    )


def places(families: list[Family]) -> Iterable[Event]:
    for number in range(1, 11):
        code = f"64.72.{number:02}"
        quota = an_id(f"quota-{code}")
        yield changed(QuotaAllocated, **UEP, quota_id=quota, region=code, places=8)
    for each in families:
        quota = an_id(f"quota-{each.region[:8]}")
        yield enrolled(each, "UEP-2023", "family")
        yield changed(
            SlotFilled, **each.about, **UEP, quota_id=quota, succeeds=None, enrolment_id=each.enrolment("UEP-2023")
        )
        yield changed(ServiceDelivered, **each.about, **UEP, enrolment_id=each.enrolment("UEP-2023"))
    yield changed(QuotaThresholdReached, **UEP, quota_id=an_id("quota-64.72.05"), places=8, taken=8)


def succession(families: list[Family], successor: Family) -> Iterable[Event]:
    """A family graduates, and its place goes to the next one in rank."""
    leaver = families[0]
    quota = an_id(f"quota-{leaver.region[:8]}")
    yield changed(HouseholdWaitlisted, **successor.about, **UEP, quota_id=quota)
    yield changed(HouseholdGraduated, **leaver.about, **UEP, enrolment_id=leaver.enrolment("UEP-2023"), persons=4)
    yield changed(SlotReleased, **leaver.about, **UEP, quota_id=quota)
    yield enrolled(successor, "UEP-2023", "family")
    yield changed(SlotFilled, **successor.about, **UEP, quota_id=quota, succeeds=leaver.household_id)


def houses(families: list[Family]) -> Iterable[Event]:
    yield changed(FundLineOpened, **HOUSES, ceiling_rupiah=120_000_000)
    for each in families:
        yield enrolled(each, "RTLH-2023", "house")
        yield changed(
            AidDisbursed,
            **each.about,
            **HOUSES,
            enrolment_id=each.enrolment("RTLH-2023"),
            payment_id=each.enrolment("house"),
            rupiah=20_000_000,
            persons=len(each.confirmed),
        )
    yield changed(FundLineExhausted, **HOUSES, asked_rupiah=20_000_000, available_rupiah=0)
