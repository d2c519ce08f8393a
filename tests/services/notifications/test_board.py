"""Facts are heard, and the board says where everybody stands: today and as of any past day."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from services.notifications.models import READ_MODELS
from services.notifications.rules.dated import Dated
from shared.events.intake import CohortClosed
from shared.events.programs import (
    FundLineOpened,
    HouseholdWaitlisted,
    PaymentListSettled,
    PaymentListSubmitted,
    QuotaAllocated,
    SlotFilled,
    SlotReleased,
)
from shared.security import Role
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import KELURAHAN, NewNotifications, Story, an_id, changed

OTHER = "64.72.01.1001"
END = datetime(2023, 6, 1, 3, tzinfo=UTC)


def closed(*persons: tuple[str, int]) -> CohortClosed:
    """The closed list with so many rows per kelurahan."""
    counts = [{"region": region, "persons": number} for region, number in persons]
    event: CohortClosed = changed(CohortClosed, baseline_persons=sum(n for _, n in persons), by_region=counts)
    return event


def two_families() -> list[Story]:
    """From 5 December on one family is verified and paid; of the other, the head died and one row is damaged."""
    first, second = Story("first"), Story("second", region=OTHER)
    first.registered("a", "b")
    first.listed("a")
    first.listed("b")
    first.opened()
    first.decided({"a": "confirmed", "b": "moved"})
    first.enrolled("a")
    first.paid()
    second.registered("a", "b", "c")
    second.listed("a")
    second.listed("b", outcome="damaged")
    second.listed("c")
    second.opened()
    second.decided({"a": "died", "c": "confirmed"})
    return [first, second]


async def tell(deployment: TestDeployment, stories: list[Story], *others: Any, shuffled: int | None = None) -> None:
    """Deliver everything twice; shuffled = households mixed with each other, each household in its own order."""
    told = [(fact, story) for story in stories for fact in story.facts]
    if shuffled is not None:
        keys = [story for _, story in told]
        random.Random(shuffled).shuffle(keys)
        facts = {story.household: iter(story.facts) for story in stories}
        told = [(next(facts[story.household]), story) for story in keys]
    first = told[0][0].at
    for event in others:
        await deployment.deliver(event, at=first)
    for fact, _ in told:
        await deployment.deliver(fact.event, agency=fact.agency, at=fact.at)
    deployment.clock.move_to(END)


def stream(fact: Dated) -> tuple[str, object]:
    return fact.source, fact.event.subject_id


async def get(deployment: TestDeployment, path: str, **query: str) -> Any:
    answer = await deployment.client(Role.COORDINATOR).get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def buckets(deployment: TestDeployment, **query: str) -> dict[str, int]:
    found = await get(deployment, "/api/v1/cohorts/P3KE-9000/buckets", **query)
    assert sum(found["buckets"].values()) == found["baseline_persons"]
    return {name: persons for name, persons in found["buckets"].items() if persons}


async def test_the_buckets_of_a_list_sum_to_its_baseline_on_any_day(notifications: TestDeployment) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4), (OTHER, 3)))
    assert await buckets(notifications) == {
        "untouched": 2, "waiting": 1, "served": 1, "moved": 1, "died": 1, "damaged": 1,
    }  # fmt: skip
    assert await buckets(notifications, region="64.72.05") == {"untouched": 2, "served": 1, "moved": 1}
    # 5 December: registered; 6 and 7: the rows are resolved; 8: opened; 9: decided; 10: enrolled; 11: paid.
    assert await buckets(notifications, as_of="2022-12-05", region=KELURAHAN) == {"untouched": 4}
    assert await buckets(notifications, as_of="2022-12-08", region=KELURAHAN) == {"untouched": 2, "in_verification": 2}
    assert await buckets(notifications, as_of="2022-12-10", region=KELURAHAN) == {
        "untouched": 2, "waiting": 1, "moved": 1,
    }  # fmt: skip
    assert await buckets(notifications, as_of="2022-12-11", region=KELURAHAN) == {
        "untouched": 2, "served": 1, "moved": 1,
    }  # fmt: skip


async def test_the_day_ends_with_the_day_of_the_region(notifications: TestDeployment) -> None:
    story = Story()
    story.registered("a")
    story.listed("a", outcome="damaged")
    registered, listed = story.facts
    await notifications.deliver(closed((KELURAHAN, 1)), registered.event, at=datetime(2022, 12, 5, 2, tzinfo=UTC))
    # 16.00 in UTC is midnight in Samarinda: the moment already belongs to the sixth.
    await notifications.deliver(listed.event, at=datetime(2022, 12, 5, 16, tzinfo=UTC))
    notifications.clock.move_to(END)
    assert await buckets(notifications, as_of="2022-12-05") == {"untouched": 1}
    assert await buckets(notifications, as_of="2022-12-06") == {"damaged": 1}


async def test_before_a_list_was_closed_it_is_unknown(notifications: TestDeployment) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4)))
    answer = await notifications.client(Role.COORDINATOR).get(
        "/api/v1/cohorts/P3KE-9000/buckets", params={"as_of": "2022-12-04"}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "cohort-unknown")
    assert (await get(notifications, "/api/v1/board", as_of="2022-12-04"))["cohorts"] == []


async def test_facts_in_any_order_of_households_leave_the_same_bytes(new_notifications: NewNotifications) -> None:
    tables = []
    for order in (None, 1, 2, 3):
        deployment = await new_notifications()
        await tell(deployment, two_families(), closed((KELURAHAN, 4), (OTHER, 3)), shuffled=order)
        tables.append(await read_tables(deployment))
    assert tables[0]["entry_span"]
    assert tables[1:] == tables[:1] * 3


async def read_tables(deployment: TestDeployment) -> dict[str, list[str]]:
    """Every row of the read tables as text, but for the ids that a test gives anew to each announcement."""
    found: dict[str, list[str]] = {}
    for model in READ_MODELS:
        name = str(model.__tablename__)
        rows = await deployment.fetch(f"select to_jsonb(t) - 'id' as row from {name} t order by 1")
        found[name] = [str(row.row) for row in rows]
    return found


async def test_an_entry_whose_household_is_found_later_moves_to_it_once(notifications: TestDeployment) -> None:
    story = Story()
    lost = story.listed("a", outcome="unmatched")
    alone = type(lost).model_validate({**lost.model_dump(), "household_id": None, "member_id": None})
    story.facts.clear()
    story.registered("a")
    story.decided({"a": "confirmed"})
    story.listed("a", revision=2)
    await notifications.deliver(closed((KELURAHAN, 1)), alone, at=datetime(2022, 12, 5, 1, tzinfo=UTC))
    await tell(notifications, [story])
    assert await buckets(notifications, as_of="2022-12-06") == {"unmatched": 1}
    assert await buckets(notifications) == {"waiting": 1}


async def test_the_board_counts_stages_per_kecamatan(notifications: TestDeployment) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4), (OTHER, 3)))
    board = await get(notifications, "/api/v1/board")
    assert board["name"] == "Kota Samarinda"
    assert board["stages"]["registered"] == {"families": 2, "persons": 5}
    assert board["stages"]["verified"] == {"families": 2, "persons": 2}
    assert board["stages"]["served"] == {"families": 1, "persons": 3}
    assert {part["region"]: part["stages"]["registered"]["persons"] for part in board["parts"]} == {
        "64.72.01": 3,
        "64.72.05": 2,
    }
    assert board["unserved"] == {"families": 1, "persons": 1}


async def test_days_add_up(notifications: TestDeployment) -> None:
    await tell(notifications, two_families())
    days = await get(notifications, "/api/v1/regions/64.72/days", **{"from": "2022-12-05", "to": "2022-12-12"})
    assert [day["day"] for day in days] == [f"2022-12-{number:02}" for number in range(5, 13)]
    verified = {
        day["day"]: (day["change"]["verified"]["families"], day["total"]["verified"]["families"]) for day in days
    }
    assert verified["2022-12-09"] == (1, 1)
    assert verified["2022-12-10"] == (1, 2)
    assert verified["2022-12-12"] == (0, 2)


async def test_served_by_nobody_lists_ids_page_by_page(notifications: TestDeployment) -> None:
    stories = [Story(name) for name in "hij"]
    for story in stories:
        story.decided({"a": "confirmed"})
    await tell(notifications, stories)
    first = await get(notifications, "/api/v1/unserved", limit="2")
    assert (first["families"], len(first["households"])) == (3, 2)
    second = await get(notifications, "/api/v1/unserved", limit="2", after=first["next"])
    assert second["next"] is None
    seen = {each["household_id"] for each in [*first["households"], *second["households"]]}
    assert seen == {str(story.household_id) for story in stories}


async def test_a_household_shows_what_every_agency_gives_the_province_too(notifications: TestDeployment) -> None:
    story = two_families()[0]
    story.enrolled("a", unit="family", programme="PKH-2022", agency="dinsos-kaltim")
    await tell(notifications, [story])
    household = await get(notifications, f"/api/v1/households/{story.household_id}")
    assert {(each["agency"], each["programme"]) for each in household["enrolments"]} == {
        ("dinsos-samarinda", "BLT-2022"),
        ("dinsos-kaltim", "PKH-2022"),
    }
    assert household["entries"][0]["bucket"] == "served"
    outsider = notifications.client(Role.COORDINATOR, regions=["64.71"])
    assert (await outsider.get(f"/api/v1/households/{story.household_id}")).status_code == 403
    assert (await outsider.get("/api/v1/board", params={"region": "64.72"})).status_code == 403


async def test_fund_lines_and_quotas(notifications: TestDeployment) -> None:
    story = Story()
    story.paid(rupiah=900_000)
    line = {"programme": "BLT-2022", "fund_line": "APBD-2023/64.72/UEP"}
    await tell(
        notifications,
        [story],
        changed(FundLineOpened, **line, ceiling_rupiah=2_000_000),
        changed(PaymentListSubmitted, **line, rupiah=1_200_000),
        changed(QuotaAllocated, places=2),
        changed(HouseholdWaitlisted, household_id=an_id("waiting")),
        changed(SlotFilled),
        changed(SlotReleased),
        changed(SlotFilled, household_id=an_id("next"), succeeds=str(story.household_id)),
    )
    [found] = await get(notifications, "/api/v1/fund-lines", region=KELURAHAN)
    assert (found["line"]["realised_rupiah"], found["line"]["committed_rupiah"]) == (900_000, 300_000)
    assert found["left_rupiah"] == 800_000
    settled = changed(PaymentListSettled, **line)
    await notifications.deliver(settled)
    [found] = await get(notifications, "/api/v1/fund-lines")
    assert found["left_rupiah"] == 1_100_000
    [quota] = await get(notifications, "/api/v1/quotas")
    assert (quota["filled"], quota["released"], quota["waiting_families"]) == (2, 1, 1)


async def test_freshness_names_the_newest_fact_of_each_deployment(notifications: TestDeployment) -> None:
    story = two_families()[0]
    await tell(notifications, [story])
    heard = {(each["service"], each["agency"]): each for each in await get(notifications, "/api/v1/freshness")}
    assert heard["intake", "dinsos-samarinda"]["last_heard_at"] == "2022-12-07T02:00:00Z"
    assert heard["programs", "pupr-samarinda"]["last_heard_at"] is None


async def test_a_day_that_has_not_come_is_refused(notifications: TestDeployment) -> None:
    answer = await notifications.client(Role.COORDINATOR).get("/api/v1/board", params={"as_of": "2030-01-01"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "date-in-future", "as_of")
