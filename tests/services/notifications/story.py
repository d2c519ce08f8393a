"""Scenes for tests: dated facts about one household, as agencies announce them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from services.notifications.rules.dated import Dated
from shared.events.envelope import Event
from shared.events.intake import CohortEntryResolved, HouseholdRegistered
from shared.events.programs import AidDisbursed, HouseholdEnrolled
from shared.events.verification import HouseholdRejected, HouseholdVerified, VerificationOpened
from tests.fixtures.deployments import TestDeployment

NewNotifications: TypeAlias = Callable[[], Awaitable[TestDeployment]]
"""Makes a notifications deployment on a database of its own."""

SPACE = UUID("0192f1d0-7c11-7a10-8a00-00000000ffff")
CITY = "dinsos-samarinda"
KELURAHAN = "64.72.05.1001"
DAY_ONE = datetime(2022, 12, 5, 2, tzinfo=UTC)

PEOPLE = """
people:
  - {subject: koordinator, agency: dinsos-samarinda, roles: [coordinator], regions: ["64.72"]}
  - {subject: penyelia, agency: dinsos-samarinda, roles: [verification-supervisor], regions: ["64.72"]}
  - {subject: pendamping-utara, agency: dinsos-samarinda, roles: [field-verifier], regions: ["64.72.05"]}
  - {subject: pendamping-palaran, agency: dinsos-samarinda, roles: [field-verifier], regions: ["64.72.01"]}
  - {subject: pemeriksa, agency: dinsos-samarinda, roles: [payment-checker], regions: ["64.72"]}
  - {subject: pengelola, agency: dinsos-samarinda, roles: [operator], regions: ["64.72"]}
  - {subject: koordinator, agency: dinkop-samarinda, roles: [coordinator], regions: ["64.72"]}
  - {subject: petugas, agency: dinkop-samarinda, roles: [programme-officer], regions: ["64.72"]}
  - {subject: provinsi, agency: dinsos-kaltim, roles: [coordinator], regions: ["64"]}
"""


def an_id(name: str) -> UUID:
    """The same invented id for the same name."""
    return uuid5(SPACE, name)


def changed(event: type[Event], **values: Any) -> Any:
    """The example of an event with some values changed."""
    return event.model_validate({**event.example, **values})


@dataclass
class Story:
    """Facts about one household in the order in which they happen, one day apart unless said otherwise."""

    household: str = "household"
    region: str = KELURAHAN
    facts: list[Dated] = field(default_factory=list)
    positions: Counter[str] = field(default_factory=Counter)

    @property
    def household_id(self) -> UUID:
        return an_id(self.household)

    def member(self, name: str) -> UUID:
        return an_id(f"{self.household}/{name}")

    def tell(self, event: Event, *, agency: str = CITY, days: float = 1) -> Event:
        """Announce an event some days after the last one."""
        last = self.facts[-1].at if self.facts else DAY_ONE - timedelta(days=1)
        source = f"/agencies/{agency}/{event.announcer}"
        self.positions[source] += 1
        self.facts.append(Dated(event, last + timedelta(days=days), source, agency, self.positions[source]))
        return event

    def about(self, event: type[Event], *, agency: str = CITY, days: float = 1, **values: Any) -> Any:
        """Announce an event about this household."""
        said = {"household_id": self.household_id, "region": self.region, **values}
        return self.tell(changed(event, **said), agency=agency, days=days)

    def registered(self, *members: str) -> None:
        ids = [self.member(name) for name in members]
        self.about(HouseholdRegistered, members=ids, persons=len(ids), revision=1)

    def listed(self, name: str, outcome: str = "member", revision: int = 1) -> CohortEntryResolved:
        """The entry of a member in the closed list."""
        entry: CohortEntryResolved = self.about(
            CohortEntryResolved,
            entry_id=an_id(f"entry/{self.household}/{name}"),
            outcome=outcome,
            member_id=self.member(name),
            revision=revision,
        )
        return entry

    def opened(self, number: int = 1) -> None:
        self.about(VerificationOpened, case_id=an_id(f"case/{self.household}/{number}"), round=number)

    def decided(self, outcomes: Mapping[str, str], *, number: int = 1, category: str | None = "extreme-poor") -> None:
        """Verified with a category, or rejected without one; the outcome of each member by name."""
        values: dict[str, Any] = {
            "case_id": an_id(f"case/{self.household}/{number}"),
            "round": number,
            "outcomes": [{"member_id": self.member(name), "outcome": each} for name, each in outcomes.items()],
        }
        if category is None:
            self.about(HouseholdRejected, **values)
        else:
            self.about(HouseholdVerified, category=category, **values)

    def enrolled(self, *members: str, unit: str = "person", programme: str = "BLT-2022", agency: str = CITY) -> None:
        self.about(
            HouseholdEnrolled,
            agency=agency,
            enrolment_id=an_id(f"enrolment/{self.household}/{programme}"),
            programme=programme,
            unit=unit,
            members=[self.member(name) for name in members],
            persons=len(members),
        )

    def paid(self, rupiah: int = 300_000, programme: str = "BLT-2022", agency: str = CITY, number: int = 1) -> None:
        self.about(AidDisbursed, agency=agency, programme=programme, rupiah=rupiah, **self.payment(programme, number))

    def payment(self, programme: str = "BLT-2022", number: int = 1) -> dict[str, Any]:
        """The ids of a payment, for what tells of it later."""
        return {
            "enrolment_id": an_id(f"enrolment/{self.household}/{programme}"),
            "payment_id": an_id(f"payment/{self.household}/{programme}/{number}"),
        }
