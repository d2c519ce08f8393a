"""Coordinators get few, useful messages: once per cause and person, and only who works where it happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.notifications.handlers import router
from services.notifications.subscriptions import subscriptions
from shared.events.envelope import Event
from shared.events.intake import HouseholdRegistered, RegisterSnapshotImported
from shared.events.notifications import AgencySilent
from shared.events.programs import (
    FundLineExhausted,
    PaymentListSettled,
    PaymentListSubmitted,
    ProgrammePublished,
    QuotaThresholdReached,
    SlotFilled,
    SlotReleased,
)
from shared.events.verification import VisitsOverdue
from shared.security import Role
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import an_id, changed

CITY_COORDINATOR = "dinsos-samarinda/koordinator"


async def told(deployment: TestDeployment) -> list[tuple[str, str]]:
    rows = await deployment.fetch("select recipient, code from message order by recipient, code")
    return [(row.recipient, row.code.removeprefix("inbox.")) for row in rows]


async def inbox(deployment: TestDeployment, subject: str = "koordinator", **claims: Any) -> Any:
    client = deployment.client(Role.COORDINATOR, subject=subject, **claims)
    return (await client.get("/api/v1/inbox", headers={"Accept-Language": "id"})).json()


@pytest.mark.parametrize(
    ("event", "recipients"),
    [
        (RegisterSnapshotImported, ["dinsos-samarinda/koordinator", "dinsos-samarinda/pengelola"]),
        (VisitsOverdue, ["dinsos-samarinda/pendamping-utara", "dinsos-samarinda/penyelia"]),
        (PaymentListSubmitted, ["dinsos-samarinda/pemeriksa"]),
        (PaymentListSettled, ["dinkop-samarinda/koordinator", "dinsos-kaltim/provinsi", CITY_COORDINATOR]),
        (FundLineExhausted, ["dinkop-samarinda/koordinator", "dinsos-kaltim/provinsi", CITY_COORDINATOR]),
        (QuotaThresholdReached, [CITY_COORDINATOR]),
        (ProgrammePublished, ["dinkop-samarinda/koordinator", "dinsos-kaltim/provinsi", CITY_COORDINATOR]),
    ],
)
async def test_who_is_told_and_only_once(
    notifications: TestDeployment, event: type[Event], recipients: list[str]
) -> None:
    await notifications.deliver(event.from_example())
    await notifications.deliver(event.from_example())
    assert [recipient for recipient, _ in await told(notifications)] == recipients


async def test_another_agency_is_told_of_its_own(notifications: TestDeployment) -> None:
    await notifications.deliver(QuotaThresholdReached.from_example(), agency="dinkop-samarinda")
    assert [each for each, _ in await told(notifications)] == [
        "dinkop-samarinda/koordinator",
        "dinkop-samarinda/petugas",
        CITY_COORDINATOR,
    ]


async def test_nobody_is_told_of_a_single_household(notifications: TestDeployment) -> None:
    await notifications.deliver(HouseholdRegistered.from_example(), SlotFilled.from_example())
    assert {each.event for each in subscriptions()} == set(router.reactions)
    silent = changed(SlotFilled, succeeds=None, slot_id=an_id("first-filling"))
    before = len(await told(notifications))
    await notifications.deliver(silent)
    assert len(await told(notifications)) == before


async def test_overdue_visits_of_a_kelurahan_are_told_once_a_week(notifications: TestDeployment) -> None:
    for days in (0, 1, 7):
        notifications.clock.move(days=days)
        await notifications.deliver(changed(VisitsOverdue, counted_on=notifications.clock.today().isoformat()))
    assert len(await told(notifications)) == 2 * 2


@pytest.mark.parametrize("order", [(SlotReleased, SlotFilled), (SlotFilled, SlotReleased)])
async def test_a_place_that_is_released_and_filled_is_one_story(
    notifications: TestDeployment, order: tuple[type[Event], type[Event]]
) -> None:
    story, other = an_id("graduation"), an_id("another graduation")
    await notifications.deliver(order[0].from_example(), agency="dinkop-samarinda", correlation_id=story)
    assert (await inbox(notifications, agency="dinkop-samarinda"))["unread"] == 1
    await notifications.deliver(order[1].from_example(), agency="dinkop-samarinda", correlation_id=story)
    assert await told(notifications) == [
        ("dinkop-samarinda/koordinator", "place-filled"),
        ("dinkop-samarinda/petugas", "place-filled"),
        (CITY_COORDINATOR, "place-filled"),
    ]
    [message] = (await inbox(notifications, agency="dinkop-samarinda"))["messages"]
    assert "1 dari 1 tempat" in message["what_happened"]
    await notifications.deliver(SlotReleased.from_example(), agency="dinkop-samarinda", correlation_id=other)
    assert len((await inbox(notifications, agency="dinkop-samarinda"))["messages"]) == 2


async def test_many_places_of_one_decision_are_one_message(notifications: TestDeployment) -> None:
    releases = [
        changed(SlotReleased, household_id=an_id(f"family-{number}"), slot_id=an_id(f"slot-{number}"))
        for number in range(30)
    ]
    await notifications.deliver(*releases, agency="dinkop-samarinda", correlation_id=an_id("decision"))
    [message] = (await inbox(notifications, agency="dinkop-samarinda"))["messages"]
    assert message["what_happened"].startswith("30 tempat")


async def test_a_message_says_what_where_what_to_do_and_by_when(notifications: TestDeployment) -> None:
    await notifications.deliver(FundLineExhausted.from_example())
    [message] = (await inbox(notifications))["messages"]
    assert message["what_happened"] == (
        "Pos anggaran APBD-2023/64.72/RTLH (RTLH-2023, Kota Samarinda) tidak cukup: "
        "diminta Rp\N{NO-BREAK SPACE}20.000.000, tersedia Rp\N{NO-BREAK SPACE}0."
    )
    assert message["what_to_do"].startswith("Ajukan tambahan pagu")
    assert message["due_on"] == (notifications.clock.today() + timedelta(days=7)).isoformat()
    assert message["link"] == "/?region=64.72#fund-lines"


async def test_one_reads_only_ones_own(notifications: TestDeployment) -> None:
    await notifications.deliver(RegisterSnapshotImported.from_example())
    [mine] = (await inbox(notifications))["messages"]
    other = notifications.client(Role.OPERATOR, subject="pengelola")
    assert (await other.post(f"/api/v1/inbox/{mine['message_id']}/read")).status_code == 404
    assert (await inbox(notifications))["unread"] == 1
    me = notifications.client(Role.COORDINATOR, subject="koordinator")
    for marked in (1, 0):
        answer = await me.post(f"/api/v1/inbox/{mine['message_id']}/read")
        assert (answer.status_code, answer.json()) == (200, {"marked": marked})
    assert (await me.get("/api/v1/inbox/count")).json() == {"unread": 0}
    assert (await other.get("/api/v1/inbox/count")).json() == {"unread": 1}
    assert (await other.post("/api/v1/inbox/read")).json() == {"marked": 1}


async def test_pages_of_messages_follow_each_other(notifications: TestDeployment) -> None:
    for number in range(5):
        notifications.clock.move(minutes=1)
        await notifications.deliver(changed(RegisterSnapshotImported, import_id=an_id(f"import-{number}")))
    client = notifications.client(Role.COORDINATOR, subject="koordinator")
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await client.get("/api/v1/inbox", params={"limit": "2", **after})).json()
        seen += [message["message_id"] for message in page["messages"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(seen) == len(set(seen)) == 5


async def test_every_subscription_reads_well_in_both_languages(notifications: TestDeployment) -> None:
    for subscription in subscriptions():
        await notifications.deliver(subscription.event.from_example())
    rows = await notifications.fetch("select distinct recipient from message")
    for row in rows:
        agency, _, subject = row.recipient.partition("/")
        client = notifications.client(Role.COORDINATOR, subject=subject, agency=agency)
        for language in ("id", "en"):
            page = (await client.get("/api/v1/inbox", headers={"Accept-Language": language})).json()
            for message in page["messages"]:
                assert "{" not in message["what_happened"] + message["what_to_do"]


async def test_a_silent_deployment_is_announced_once_per_silence(notifications: TestDeployment) -> None:
    clock = notifications.clock
    await notifications.deliver(ProgrammePublished.from_example(), agency="pupr-samarinda")
    assert notifications.deployment.declared.on_start is not None
    await notifications.deployment.declared.on_start(notifications.deployment)
    # Monday 10.00 in Samarinda; a look every ten minutes.
    for _ in range(6):
        await notifications.run_due()
        clock.move(minutes=10)
        assert await notifications.announced(AgencySilent) == []
    for _ in range(5):
        await notifications.run_due()
        clock.move(minutes=10)
    [silent] = await notifications.announced(AgencySilent)
    assert (silent.service, silent.agency) == ("programs", "pupr-samarinda")
    await notifications.hear_own()
    assert [recipient for recipient, code in await told(notifications) if code == "agency-silent"] == [
        CITY_COORDINATOR,
        "dinsos-samarinda/pengelola",
    ]


async def test_a_watcher_who_slept_calls_nobody_silent(notifications: TestDeployment) -> None:
    await notifications.deliver(ProgrammePublished.from_example(), agency="pupr-samarinda")
    assert notifications.deployment.declared.on_start is not None
    await notifications.deployment.declared.on_start(notifications.deployment)
    for _ in range(4):
        await notifications.run_due()
        notifications.clock.move(days=30)
    assert await notifications.announced(AgencySilent) == []
