"""Chapter 6: unfit houses are repaired while the money lasts; for one house more the fund line is not enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from local.story.cast import PUPR, Cast
from local.story.desk import Json
from local.story.lists import Office, all_of
from local.story.sizes import RTLH_FILE, programme_file

PROGRAMME = "RTLH-2023"
PERIOD = "2023"
EXHAUSTED = "fund-line-exhausted"


async def play(cast: Cast) -> None:
    async with cast.chapter("houses", "Unfit houses are repaired, and one more than the money is for."):
        office = Office(cast, PUPR, PROGRAMME)
        cast.move_to("2023-03-13")
        await office.publish(programme_file(RTLH_FILE, cast.truth))
        households = _asking(cast)
        proposal, refused = await office.propose({"households": households}, _only_money_is_short(len(households)))
        for item in refused:
            cast.report.refusals += [reason["detail"] for reason in item["reasons"]]
            cast.tell(f"refused: {item['reasons'][0]['detail']}")
        await _show_what_others_give(cast, office, proposal)
        enrolled = await office.approve(proposal, "600/031/HK-KS/2023", "2023-03-14")
        cast.tell(f"{enrolled['accepted']:,} houses enrolled, {enrolled['refused']:,} refused")
        days = ("2023-03-15", "2023-03-16", "2023-03-17")
        paid = await office.pay(PERIOD, "600/032/2023", days, lambda _: None)
        cast.tell(f"{paid['by_state'].get('paid', 0):,} houses paid, Rp {paid['rupiah']:,}")


def _asking(cast: Cast) -> list[str]:
    """One house more than the line holds, where so many ask."""
    asking = [each for each in cast.households.values() if each.family.later.wants_house_repair]
    asking.sort(key=lambda household: household.family.id)
    return [str(household.id) for household in asking[: cast.truth.figures["houses_in_line"] + 1]]


def _only_money_is_short(asked: int) -> Callable[[Json, list[Json]], bool]:
    def is_whole(proposal: Json, refused: list[Json]) -> bool:
        reasons = {reason["code"] for item in refused for reason in item["reasons"]}
        return proposal["accepted"] + len(refused) == asked and reasons <= {EXHAUSTED}

    return is_whole


async def _show_what_others_give(cast: Cast, office: Office, proposal: Json) -> None:
    """Before the head decides: what other agencies already give these families."""
    items = await all_of(office.head, f"/api/v1/proposals/{proposal['proposal_id']}/items")
    by_programme = Counter(held["programme"] for item in items for held in item["held_elsewhere"])
    told = ", ".join(f"{programme} {families}" for programme, families in sorted(by_programme.items()))
    cast.tell(f"of the {len(items)} proposed, other agencies already give: {told or 'nothing'}")
