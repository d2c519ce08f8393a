"""Chapter 5: start capital for families with a business: frozen ranks, offers, answers, and one enrolment voided."""

from __future__ import annotations

from datetime import date

from local.story.cast import DINKOP, HEARD_WITHIN_S, Cast
from local.story.desk import Json
from local.story.lists import PAGE, Office
from local.story.offers import answer_all, places_of, waiting_on, would_come
from local.story.patience import until
from local.story.sizes import UEP_FILE, programme_file

PROGRAMME = "UEP-2023"
PERIOD = "2023"
FIRST_ANSWERS = date(2023, 1, 12)


async def play(cast: Cast) -> None:
    office = Office(cast, DINKOP, PROGRAMME)
    async with cast.chapter("business", "Start capital for families with a business: offers in rank order."):
        cast.move_to("2023-01-09")
        await office.publish(programme_file(UEP_FILE, cast.truth))
        await _hear_the_visits(cast, office)
        frozen = await office.officer.post(f"/api/v1/programmes/{PROGRAMME}/waitlists", {})
        waiting = sum(each["families"] for each in frozen["waitlists"])
        offered = await office.officer.post(f"/api/v1/programmes/{PROGRAMME}/offers", {})
        cast.tell(f"{waiting:,} families ranked in {len(frozen['waitlists'])} frozen lists")
        cast.tell(f"{len(offered['offers']):,} places offered")
        answered = await answer_all(cast, office, FIRST_ANSWERS)
        cast.tell(str(answered))
    async with cast.chapter("void", "An enrolment that should not have been is voided; place, rank and money return."):
        await _void_one(cast, office)
    async with cast.chapter("business", "The start capital is paid."):
        days = ("2023-03-01", "2023-03-02", "2023-03-03")
        paid = await office.pay(PERIOD, "518/021/2023", days, lambda _: None)
        cast.tell(f"{paid['by_state'].get('paid', 0):,} families paid, Rp {paid['rupiah']:,}")


async def _hear_the_visits(cast: Cast, office: Office) -> None:
    """The officer looks at the candidates until all are known whom a visit found in business and committed."""
    wanted = sum(
        bool(family.answers and family.answers["has_business"] and family.answers["committed"])
        for family in cast.truth.verified
    )

    async def look() -> int:
        fit = 0
        after: str | None = None
        while True:
            page = await office.officer.get(f"/api/v1/programmes/{PROGRAMME}/candidates", limit=PAGE, after=after)
            fit += sum(bool(each["eligible"]) for each in page["items"])
            after = page["next"]
            if after is None:
                return fit

    await until(look, lambda fit: fit == wanted, "families fit for UEP", within_s=HEARD_WITHIN_S)


async def _void_one(cast: Cast, office: Office) -> None:
    """Of the kecamatan in which most would come, so that somebody takes the place."""
    cast.move_to("2023-02-20")
    quotas = (await office.officer.get(f"/api/v1/programmes/{PROGRAMME}/slots"))["quotas"]
    waiting = {quota["region"]: await would_come(cast, office, quota["region"]) for quota in quotas}
    region = max(waiting, key=lambda each: (waiting[each], each))
    if not waiting[region]:
        cast.tell("nobody waits for a place in so small a city")
        return
    place = (await places_of(office, region))[0]
    enrolment = await enrolment_of(office, place["household_id"])
    asked = await office.officer.post(
        f"/api/v1/enrolments/{enrolment['enrolment_id']}/void", {"reason": "decided-in-error"}
    )
    await office.head.post(f"/api/v1/corrections/{asked['correction_id']}/decision", {"approve": True})
    rank = next(each for each in await waiting_on(office, region) if each["household_id"] == place["household_id"])
    cast.tell(f"place {place['number']} of {region} is offered on, the family waits at rank {rank['rank']} again")
    await answer_all(cast, office, date(2023, 2, 20))
    enrolment = await enrolment_of(office, place["household_id"], status="voided")
    cast.tell(
        f"its enrolment stands as {enrolment['status']} ({enrolment['reason']}); Rp {await _reserved(office):,} "
        "are reserved for those who have places"
    )


async def enrolment_of(office: Office, household_id: str, status: str = "active") -> Json:
    """The enrolment of a household that has this status."""
    query = {"programme": PROGRAMME, "household_id": household_id, "status": status}
    return (await office.officer.get("/api/v1/enrolments", **query))["items"][0]


async def _reserved(office: Office) -> int:
    lines = await office.officer.get(f"/api/v1/programmes/{PROGRAMME}/fund-lines")
    return sum(int(line["reserved_rupiah"]) for line in lines)
