"""Chapter 3: cash aid for every confirmed person, paid by one list and, where the bank refused, by a second."""

from __future__ import annotations

from uuid import UUID

from local.story.cast import DINSOS, HEARD_WITHIN_S, Cast
from local.story.desk import Json
from local.story.lists import Bank, Office, all_of
from local.story.patience import until
from local.story.sizes import BLT_FILE, programme_file

PROGRAMME = "BLT-2022"
PERIOD = "2022"


async def play(cast: Cast) -> None:
    async with cast.chapter("cash", "Cash aid for everybody whom a visit confirmed."):
        office = Office(cast, DINSOS, PROGRAMME)
        cast.move_to("2022-12-19")
        await office.publish(programme_file(BLT_FILE, cast.truth))
        await _hear_the_verdicts(cast, office)
        await _enrol(cast, office)
        first = await office.pay(
            PERIOD, "460/113/2022", ("2022-12-20", "2022-12-21", "2022-12-22"), _first_answer(cast)
        )
        cast.tell(_said_of(first))
        if first["by_state"].get("failed"):
            days = ("2022-12-23", "2022-12-27", "2022-12-28")
            second = await office.pay(PERIOD, "460/114/2022", days, _second_answer(cast))
            cast.tell(_said_of(second))


async def _hear_the_verdicts(cast: Cast, office: Office) -> None:
    """The officer looks whom nobody serves until all verified families are on the list."""
    verified = len(cast.truth.verified)

    async def look() -> int:
        return len(await all_of(office.officer, "/api/v1/households:unserved"))

    await until(look, lambda found: found >= verified, "all verified families", within_s=HEARD_WITHIN_S)


async def _enrol(cast: Cast, office: Office) -> None:
    verified = len(cast.truth.verified)
    proposal, refused = await office.propose({"scan": {}}, lambda proposal, _: proposal["accepted"] == verified)
    await office.approve(proposal, "460/112/HK-KS/2022", "2022-12-19")
    enrolled = f"{proposal['accepted']:,} families with {proposal['persons']:,} persons, Rp {proposal['rupiah']:,}"
    cast.tell(f"enrolled: {enrolled}; {len(refused):,} refused, each with its reasons")


def _first_answer(cast: Cast) -> Bank:
    return lambda household: cast.households[household].family.later.bank_refuses


def _second_answer(cast: Cast) -> Bank:
    def answer(household: UUID) -> str | None:
        later = cast.households[household].family.later
        return None if later.second_payment_works else later.bank_refuses

    return answer


def _said_of(settled: Json) -> str:
    paid, failed = settled["by_state"].get("paid", 0), settled["by_state"].get("failed", 0)
    what = f"list of {settled['families']:,} families, Rp {settled['rupiah']:,}"
    return f"{what}: {paid:,} paid, {failed:,} refused by the bank"
