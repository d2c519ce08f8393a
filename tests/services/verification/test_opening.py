"""A case opens once per household, whichever half is heard first and however often."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from services.verification.app import SERVICE
from services.verification.open_cases import Opening, open_cases
from services.verification.timers import DAILY_ROUND
from shared.events.fields import CohortOutcome
from shared.events.intake import (
    CohortEntryResolved,
    DuplicateResolved,
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
)
from shared.events.verification import VerificationClosed, VerificationOpened
from shared.messaging import Tombstone
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.verification.story import PLACE, entries, registered

NEIGHBOUR = "dinsos-balikpapan"
SINCE = date(2022, 1, 1)
CASES = "select household_id, region, round, reason, state, officer, visit_due_on from verification_case order by id"


@pytest.fixture
async def verification(deployment_of: DeploymentFactory) -> TestDeployment:
    return await deployment_of(SERVICE)


async def test_a_household_of_the_list_is_opened_once_for_all_its_entries(verification: TestDeployment) -> None:
    household = registered(members=4)
    await verification.deliver(household, *entries(household))
    (case,) = await verification.fetch(CASES)
    assert (case.household_id, case.region, case.round) == (household.household_id, PLACE, 1)
    assert (case.reason, case.state, case.officer) == ("cohort", "proposed", None)
    assert case.visit_due_on == date(2023, 1, 4)
    (opened,) = await verification.announced(VerificationOpened)
    assert opened.household_id == household.household_id


async def test_the_closed_list_may_be_heard_before_the_register(verification: TestDeployment) -> None:
    household = registered()
    await verification.deliver(*entries(household))
    assert await verification.announced(VerificationOpened) == []
    await verification.deliver(household)
    assert len(await verification.announced(VerificationOpened)) == 1


async def test_entries_in_several_batches_open_one_case(verification: TestDeployment) -> None:
    household = registered(members=3)
    await verification.deliver(household)
    for entry in entries(household):
        await verification.deliver(entry)
    assert len(await verification.fetch(CASES)) == 1
    assert len(await verification.announced(VerificationOpened)) == 1


async def test_the_opening_carries_the_cause_of_the_entry(verification: TestDeployment) -> None:
    household = registered(members=1)
    await verification.deliver(household)
    (entry,) = entries(household)
    record = verification.record(entry)
    await verification.hear(record)
    (headers,) = await verification.announced_headers(VerificationOpened)
    sent = {name: value.decode() for name, value in record.headers}
    assert headers["ce_correlationid"] == sent["ce_correlationid"]
    assert headers["ce_causationid"] == sent["ce_id"]


@pytest.mark.parametrize("outcome", [CohortOutcome.DUPLICATE, CohortOutcome.DAMAGED, CohortOutcome.UNMATCHED])
async def test_a_row_that_is_no_member_opens_nothing(verification: TestDeployment, outcome: CohortOutcome) -> None:
    household = registered()
    await verification.deliver(household, *entries(household, outcome=outcome))
    assert await verification.fetch(CASES) == []


async def test_the_last_word_on_a_row_counts(verification: TestDeployment) -> None:
    household = registered(members=1)
    (first,) = entries(household)
    corrected = first.model_copy(update={"outcome": CohortOutcome.DAMAGED, "revision": 2})
    await verification.deliver(corrected, first, household)
    assert await verification.fetch(CASES) == []


async def test_a_household_that_nobody_listed_is_not_visited(verification: TestDeployment) -> None:
    await verification.deliver(registered())
    assert await verification.fetch(CASES) == []


async def test_rosters_fold_by_revision_in_any_order(verification: TestDeployment) -> None:
    household = registered(members=2)
    moved = HouseholdUpdated(
        **household.model_dump() | {"region": "64.72.01.1001", "revision": 3, "reason": "moved"},
    )
    corrected = HouseholdUpdated(**household.model_dump() | {"members": [], "revision": 2, "reason": "corrected"})
    await verification.deliver(moved, household, corrected)
    (known,) = await verification.fetch("select region, members, revision from household")
    assert (known.region, known.revision, len(known.members)) == ("64.72.01.1001", 3, 2)


async def test_an_open_case_follows_its_household_to_another_place(verification: TestDeployment) -> None:
    household = registered()
    await verification.deliver(household, *entries(household))
    moved = HouseholdUpdated(**household.model_dump() | {"region": "64.72.01.1001", "revision": 2, "reason": "moved"})
    await verification.deliver(moved)
    (case,) = await verification.fetch(CASES)
    assert (case.region, case.state) == ("64.72.01.1001", "proposed")


def add_neighbour(verification: TestDeployment) -> None:
    """Another city with its own register and its own verification joins the directory."""
    path = Path(verification.deployment.settings.directory_file)
    entries_of = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries_of["agencies"]["dinsos-balikpapan"] = {
        "name": "Dinas Sosial Kota Balikpapan", "region": "64.71", "statuses": [{"status": "active", "since": SINCE}],
    }  # fmt: skip
    for service in ("intake", "verification"):
        entries_of["deployments"].append({"service": service, "agency": NEIGHBOUR})
    entries_of["authority"].append({"region": "64.71", "intake": NEIGHBOUR, "verification": NEIGHBOUR, "since": SINCE})
    part = path.with_suffix(".part")
    part.write_text(yaml.safe_dump(entries_of), encoding="utf-8")
    part.replace(path)


async def test_a_household_of_another_city_is_left_to_it(verification: TestDeployment) -> None:
    add_neighbour(verification)
    elsewhere = registered(region="64.71.01.1001")
    await verification.deliver(elsewhere, *entries(elsewhere), agency=NEIGHBOUR)
    assert await verification.fetch(CASES) == []


async def test_a_case_ends_where_its_household_moves_to_another_city(verification: TestDeployment) -> None:
    add_neighbour(verification)
    household = registered()
    await verification.deliver(household, *entries(household))
    moved = HouseholdUpdated(**household.model_dump() | {"region": "64.71.01.1001", "revision": 2, "reason": "moved"})
    await verification.deliver(moved, agency=NEIGHBOUR)
    (case,) = await verification.fetch(CASES)
    assert (case.region, case.state) == (PLACE, "withdrawn")
    (closed,) = await verification.announced(VerificationClosed)
    assert (closed.household_id, closed.region, closed.reason) == (household.household_id, PLACE, "moved-away")


async def test_households_that_move_at_the_same_time_are_followed_each_to_its_place(
    verification: TestDeployment,
) -> None:
    add_neighbour(verification)
    leaving, moving, staying = registered(), registered(), registered()
    for household in (leaving, moving, staying):
        await verification.deliver(household, *entries(household))
    records = [
        verification.record(_at(household, region), agency=agency)
        for household, region, agency in (
            (leaving, "64.71.01.1001", NEIGHBOUR),
            (moving, "64.72.01.1001", None),
            (staying, PLACE, None),
        )
    ]
    for _ in range(2):
        await verification.hear(*records)
    cases = {case.household_id: (case.region, case.state) for case in await verification.fetch(CASES)}
    assert cases == {
        leaving.household_id: (PLACE, "withdrawn"),
        moving.household_id: ("64.72.01.1001", "proposed"),
        staying.household_id: (PLACE, "proposed"),
    }
    (closed,) = await verification.announced(VerificationClosed)
    (headers,) = await verification.announced_headers(VerificationClosed)
    sent = {name: value.decode() for name, value in records[0].headers}
    assert closed.household_id == leaving.household_id
    assert headers["ce_causationid"] == sent["ce_id"]


def _at(household: HouseholdRegistered, region: str) -> HouseholdUpdated:
    return HouseholdUpdated(**household.model_dump() | {"region": region, "revision": 2, "reason": "moved"})


async def test_a_listed_household_that_moves_here_is_visited_here(verification: TestDeployment) -> None:
    add_neighbour(verification)
    elsewhere = registered(region="64.71.01.1001")
    await verification.deliver(elsewhere, *entries(elsewhere), agency=NEIGHBOUR)
    here = HouseholdUpdated(**elsewhere.model_dump() | {"region": PLACE, "revision": 2, "reason": "moved"})
    await verification.deliver(here)
    (case,) = await verification.fetch(CASES)
    assert (case.region, case.state) == (PLACE, "proposed")


async def test_a_withdrawn_household_is_not_visited_any_more(verification: TestDeployment) -> None:
    household = registered()
    await verification.deliver(household, *entries(household))
    gone = HouseholdWithdrawn(household_id=household.household_id, region=PLACE, reason="entered-in-error", revision=2)
    await verification.deliver(gone)
    (case,) = await verification.fetch(CASES)
    assert case.state == "withdrawn"
    (opened,) = await verification.announced(VerificationOpened)
    (closed,) = await verification.announced(VerificationClosed)
    assert (closed.case_id, closed.round, closed.reason) == (opened.case_id, 1, "household-withdrawn")
    late: CohortEntryResolved = entries(household)[0]
    await verification.deliver(late)
    assert len(await verification.fetch(CASES)) == 1


async def test_features_are_kept_until_they_are_erased(verification: TestDeployment) -> None:
    profile = HouseholdProfile.from_example()
    older = profile.model_copy(update={"revision": 1, "members": []})
    newer = profile.model_copy(update={"revision": 2})
    await verification.deliver(newer, older)
    (known,) = await verification.fetch("select revision, members from household_features")
    assert (known.revision, len(known.members)) == (2, 2)
    erased = verification.record(Tombstone(household_id=profile.household_id), profile=HouseholdProfile)
    await verification.hear(erased)
    await verification.hear(erased)
    assert await verification.fetch("select 1 from household_features") == []


async def test_what_is_erased_in_the_batch_that_says_it_stays_erased_until_it_is_said_again(
    verification: TestDeployment,
) -> None:
    profiles = [HouseholdProfile.from_example().model_copy(update={"revision": revision}) for revision in (1, 2)]
    said = verification.record(profiles[0])
    erased = verification.record(Tombstone(household_id=profiles[0].household_id), profile=HouseholdProfile)
    again = verification.record(profiles[1])
    await verification.hear(said, erased)
    assert await verification.fetch("select 1 from household_features") == []
    await verification.hear(said, erased, again)
    assert [row.revision for row in await verification.fetch("select revision from household_features")] == [2]


@pytest.mark.parametrize("answer_first", [False, True])
async def test_a_question_of_duplicates_is_open_until_somebody_decided(
    verification: TestDeployment, answer_first: bool
) -> None:
    asked, answered = DuplicateSuspected.from_example(), DuplicateResolved.from_example()
    await verification.deliver(*((answered, asked) if answer_first else (asked, answered)))
    (question,) = await verification.fetch("select suspected, resolved, reasons, resolution from duplicate_question")
    assert (question.suspected, question.resolved) == (True, True)
    assert (question.reasons, question.resolution) == (["same-national-id"], "different-people")


async def test_the_daily_round_is_due_the_next_morning_and_again_every_day(verification: TestDeployment) -> None:
    due = f"select key from kernel.due where kind = '{DAILY_ROUND}'"
    assert [row.key for row in await verification.fetch(due)] == ["2022-12-06"]
    verification.clock.move(days=40)
    await verification.run_due()
    assert [row.key for row in await verification.fetch(due)] == ["2023-01-15"]


async def test_opening_cases_of_one_household_waits_for_no_other(verification: TestDeployment) -> None:
    """Workers open cases side by side: nothing that one of them writes belongs to all of them."""
    first, second = registered(), registered()
    openings = [[Opening(each.household_id, PLACE, "cohort")] for each in (first, second)]
    await verification.deliver(first, second)
    async with verification.transaction() as one:
        assert await open_cases(one, openings[0])
        async with verification.transaction() as other:
            await other.execute(text("set local lock_timeout = '300ms'"))
            assert await open_cases(other, openings[1])
