"""Chapter 8: families that earn enough leave the programme, and each freed place goes to the next on the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from local.story.cast import DINKOP, Cast
from local.story.chapters.business import PROGRAMME, enrolment_of
from local.story.desk import Json
from local.story.lists import Office
from local.story.offers import answer_all, open_offers, places_of, would_come

GRADUATIONS_MAX: Final = 10
EVIDENCE: Final = ["business-continues", "profit", "savings"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """A family that is to graduate, with its place, and how many would come after it."""

    place: Json
    enrolment: Json
    waiting: int


async def play(cast: Cast) -> None:
    office = Office(cast, DINKOP, PROGRAMME)
    async with cast.chapter("graduation", "Families are coached, and those who earn enough make room for the next."):
        cast.move_to("2023-05-10")
        leaving = await _who_may_leave(cast, office)
        for each in leaving:
            session = {"service": "coaching", "delivered_on": "2023-05-10", "minutes": 90}
            await office.officer.post(f"/api/v1/enrolments/{each.enrolment['enrolment_id']}/services", session)
        cast.tell(f"{len(leaving)} families coached")
        graduations = await _propose(cast, office, leaving)
        # The objection window of fourteen days has passed.
        cast.move_to("2023-09-18")
        for graduation in graduations:
            await office.head.post(f"/api/v1/graduations/{graduation}/decision", {"approve": True})
        cast.tell(f"{len(graduations)} families graduated; their places are offered on")
        await _fill(cast, office, leaving)


async def _who_may_leave(cast: Cast, office: Office) -> list[Leaving]:
    """One family of each kecamatan in which another would come, first where most would; who reached every goal."""
    found: list[Leaving] = []
    quotas = (await office.officer.get(f"/api/v1/programmes/{PROGRAMME}/slots"))["quotas"]
    for quota in quotas:
        waiting = await would_come(cast, office, quota["region"])
        places = await places_of(office, quota["region"])
        if waiting and places:
            place = max(places, key=lambda each: (_reached_every_goal(cast, each), -each["number"]))
            found.append(Leaving(place, await enrolment_of(office, place["household_id"]), waiting))
    found.sort(key=lambda each: (-each.waiting, each.place["region"]))
    return found[:GRADUATIONS_MAX]


def _reached_every_goal(cast: Cast, place: Json) -> bool:
    return cast.households[UUID(place["household_id"])].family.later.reaches_every_goal


async def _propose(cast: Cast, office: Office, leaving: list[Leaving]) -> list[str]:
    cast.move_to("2023-09-01")
    body = {"reason": "income-risen", "evidence": EVIDENCE}
    graduations = []
    for each in leaving:
        path = f"/api/v1/enrolments/{each.enrolment['enrolment_id']}/graduations"
        graduations.append((await office.officer.post(path, body))["graduation_id"])
    return graduations


async def _fill(cast: Cast, office: Office, leaving: list[Leaving]) -> None:
    """The first family that is asked lets the offer expire, where another waits behind it."""
    first = leaving[0] if leaving else None
    silent = [
        offer["offer_id"]
        for offer in await open_offers(office)
        if first is not None and first.waiting > 1 and offer["slot_id"] == first.place["slot_id"]
    ]
    cast.tell(str(await answer_all(cast, office, date(2023, 9, 20), silent=silent)))
    for each in leaving:
        filled = await places_of(office, each.place["region"])
        slot = next((slot for slot in filled if slot["slot_id"] == each.place["slot_id"]), None)
        if slot is not None and slot["succeeds"] != each.place["household_id"]:
            raise RuntimeError(f"place {slot['number']} of {slot['region']} does not say whom its family succeeds")
