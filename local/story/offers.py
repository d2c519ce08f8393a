"""Offers of places and the families' answers: yes, no, or none until the offer expires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from local.story.cast import Cast
from local.story.desk import Json
from local.story.lists import PAGE, Office, all_of
from local.story.patience import each, until

EXPIRED_WITHIN_S: Final = 60.0
ROUNDS_MAX: Final = 10
_OFFER: Final = timedelta(days=8)
"""A day more than an offer stands."""


@dataclass(slots=True)
class Answered:
    """How offers ended, and the day on which the last one did."""

    day: date
    by_state: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in sorted(self.by_state.items())) or "no offer"


async def answer_all(cast: Cast, office: Office, day: date, *, silent: Collection[str] = ()) -> Answered:
    """Let every family that is offered a place answer, and time pass for those who do not, until none is open.

    Args:
        silent: offers which nobody answers, whatever the family would.
    """
    answered = Answered(day)
    for _ in range(ROUNDS_MAX):
        cast.move_to(answered.day.isoformat(), hour=10)
        while offers := [offer for offer in await open_offers(office) if not _stays_silent(cast, offer, silent)]:
            # By rank across the kecamatan: answers about one quota wait for each other.
            offers.sort(key=lambda offer: (offer["rank"], offer["region"]))
            answered.by_state.update(await each(offers, lambda offer: _answer(cast, office, offer), at_once=4))
        left = await open_offers(office)
        if not left:
            return answered
        answered.day += _OFFER
        cast.move_to(answered.day.isoformat(), hour=10)
        await _until_expired(office, {offer["offer_id"] for offer in left})
        answered.by_state["expired"] += len(left)
    raise TimeoutError(f"{office.programme}: offers are still open after {ROUNDS_MAX} rounds")


async def open_offers(office: Office) -> list[Json]:
    """Offers that wait for an answer, oldest first."""
    found: list[Json] = []
    after: str | None = None
    while True:
        page = (await office.head.get(f"/api/v1/programmes/{office.programme}/offers", limit=PAGE, after=after))[
            "offers"
        ]
        found += page
        if len(page) < PAGE:
            return found
        after = page[-1]["offer_id"]


async def waiting_on(office: Office, region: str) -> list[Json]:
    """Who waits on the frozen list of a region, best rank first."""
    ranks = await all_of(office.officer, f"/api/v1/programmes/{office.programme}/waitlist", region=region)
    return [rank for rank in ranks if rank["state"] == "waiting"]


async def places_of(office: Office, region: str) -> list[Json]:
    """The filled places of a region's quota."""
    slots = (await office.officer.get(f"/api/v1/programmes/{office.programme}/slots", region=region))["slots"]
    return [slot for slot in slots if slot["state"] == "filled"]


async def would_come(cast: Cast, office: Office, region: str) -> int:
    """How many of those who wait would take a place."""
    waiting = await waiting_on(office, region)
    families = (cast.households[UUID(rank["household_id"])].family.later for rank in waiting)
    return sum(later.wants_business_aid and not later.lets_offers_expire for later in families)


def _stays_silent(cast: Cast, offer: Json, silent: Collection[str]) -> bool:
    later = cast.households[UUID(offer["household_id"])].family.later
    return offer["offer_id"] in silent or (later.wants_business_aid and later.lets_offers_expire)


async def _answer(cast: Cast, office: Office, offer: Json) -> str:
    path = f"/api/v1/offers/{offer['offer_id']}"
    if cast.households[UUID(offer["household_id"])].family.later.wants_business_aid:
        return str((await office.head.post(f"{path}/accept"))["state"])
    return str((await office.head.post(f"{path}/decline", {"reason": "declined"}))["state"])


async def _until_expired(office: Office, offers: Collection[str]) -> None:
    async def look() -> int:
        return sum(offer["offer_id"] in offers for offer in await open_offers(office))

    await until(look, lambda still_open: still_open == 0, "offers to expire", within_s=EXPIRED_WITHIN_S)
