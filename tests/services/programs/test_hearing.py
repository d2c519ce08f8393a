"""What others say: whichever half is heard first, however often, the same is known and the same is done."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.programs.app import SERVICE
from services.programs.decide_proposal import approve, lock_proposal
from shared.events.envelope import Event
from shared.events.fields import Decree, ProgrammeStatus, Unit
from shared.events.intake import DuplicateSuspected, HouseholdUpdated, HouseholdWithdrawn
from shared.events.programs import (
    AidDisbursed,
    AidReturned,
    AidReversed,
    EnrolmentResumed,
    EnrolmentSuspended,
    EnrolmentVoided,
    HouseholdEnrolled,
    OverlapDetected,
    ProgrammePublished,
    ServiceDelivered,
)
from shared.events.verification import VerificationRevoked, VerifiedProfile
from shared.messaging import Tombstone
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.programs.city import NOWHERE, Family, Office, hear_of

FAMILY = Family("family")
WRSE = uuid5(NOWHERE, "wrse")
PROVINCE = "dinsos-kaltim"


REVOKED = VerificationRevoked(
    case_id=uuid5(FAMILY.id, "case"),
    household_id=FAMILY.id,
    region=FAMILY.region,
    round=1,
    reason="evidence-of-another-house",
    corrects=UUID(int=1),
)
WITHDRAWN = HouseholdWithdrawn(household_id=FAMILY.id, region=FAMILY.region, reason="entered-in-error", revision=2)
SUSPECTED = DuplicateSuspected(
    duplicate_id=uuid5(NOWHERE, "d"),
    household_id=FAMILY.id,
    region=FAMILY.region,
    reasons=["same-national-id"],
    blocks_payment=True,
)


def enrolled_elsewhere(started_on: date, **changes: Any) -> HouseholdEnrolled:
    """The province enrols the family in WRSE."""
    said = HouseholdEnrolled.example | {
        "programme_id": str(WRSE),
        "programme": "WRSE-2023",
        "household_id": str(FAMILY.id),
        "enrolment_id": str(uuid5(NOWHERE, "elsewhere")),
        "region": FAMILY.region,
        "members": [str(member) for member in FAMILY.members[:1]],
        "started_on": started_on.isoformat(),
    }
    return HouseholdEnrolled.model_validate(said | changes)


async def read_tables(deployment: TestDeployment) -> dict[str, list[Any]]:
    """Every row of every read table, in the order of its key."""
    found = {}
    for table in SERVICE.read_tables():
        key = ", ".join(column.name for column in table.primary_key.columns)
        found[table.name] = [tuple(row) for row in await deployment.fetch(f"select * from {table.name} order by {key}")]
    return found


@pytest.mark.parametrize("backwards", [False, True])
async def test_the_order_of_the_sources_does_not_matter(deployment_of: DeploymentFactory, backwards: bool) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    halves = [FAMILY.registered(), *FAMILY.entries(), FAMILY.profile(), FAMILY.verified()]
    for event in reversed(halves) if backwards else halves:
        await office.deployment.deliver(event, agency="dinsos-samarinda")
    [candidate] = (await office.get("/programmes/BLT-2022/candidates"))["items"]
    assert (candidate["eligible"], candidate["persons"], candidate["rupiah"]) == (True, 2, 600_000)


async def test_a_rebuild_from_the_beginning_equals_the_live_tables(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("BLT-2022")
    made = await office.approved_list("BLT-2022", "2022")
    lines = [f"{item['payment_id']},PAID,,2022-12-28" for item in await office.payments(made)]
    await office.results(made, lines)
    await office.deployment.deliver(enrolled_elsewhere(date(2023, 1, 1)), agency=PROVINCE)
    await office.deployment.hear_own()
    live = await read_tables(office.deployment)
    assert live["seen_payment"]
    again = await deployment_of(SERVICE, agency="disnaker-samarinda", database_pool_max=5)
    await hear_of(again, [FAMILY], twice=False)
    await again.deliver(enrolled_elsewhere(date(2023, 1, 1)), agency=PROVINCE)
    for event in (ProgrammePublished, HouseholdEnrolled, AidDisbursed):
        said = await office.deployment.announced(event)
        await again.deliver(*said, agency="dinsos-samarinda", twice=False)
    rebuilt = await read_tables(again)
    # A fourth agency that joins later knows the same; only what other kinds of facts number lies between.
    for name, rows in live.items():
        if name not in ("seen_enrolment", "seen_payment"):
            assert rebuilt[name] == rows, name
        assert [row[0] for row in rebuilt[name]] == [row[0] for row in rows], name


async def test_an_older_revision_changes_nothing(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    newer = HouseholdUpdated.model_validate(
        FAMILY.registered().model_dump(mode="json") | {"reason": "roster-corrected", "revision": 3, "members": []}
    )
    await office.deployment.deliver(newer, FAMILY.registered())
    [row] = await office.deployment.fetch("select members, revision from seen_household")
    assert (row.members, row.revision) == ([], 3)


async def test_an_erased_profile_is_forgotten(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await hear_of(office.deployment, [FAMILY])
    erased = office.deployment.record(
        Tombstone(household_id=FAMILY.id), agency="dinsos-samarinda", profile=VerifiedProfile
    )
    await office.deployment.hear(erased)
    [candidate] = (await office.get("/programmes/UEP-2023/candidates"))["items"]
    assert [each["code"] for each in candidate["reasons"]] == ["has-business-unknown", "committed-unknown"]


async def test_a_profile_older_than_the_verification_says_nothing_yet(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await hear_of(office.deployment, [FAMILY])
    verdict = FAMILY.verified(round=2, profile_revision=2)
    await office.deployment.deliver(verdict, agency="dinsos-samarinda")
    [candidate] = (await office.get("/programmes/UEP-2023/candidates"))["items"]
    assert [each["code"] for each in candidate["reasons"]] == ["has-business-unknown", "committed-unknown"]
    newer = FAMILY.profile().model_copy(update={"revision": 2})
    await office.deployment.deliver(newer, agency="dinsos-samarinda")
    [candidate] = (await office.get("/programmes/UEP-2023/candidates"))["items"]
    assert candidate["eligible"]


async def test_a_revoked_verification_rests_the_enrolment_until_verified_again(
    deployment_of: DeploymentFactory,
) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("BLT-2022")
    await office.deployment.deliver(REVOKED)
    [suspended] = await office.deployment.announced(EnrolmentSuspended)
    assert suspended.reason == "verification-revoked"
    await office.deployment.deliver(FAMILY.verified(round=2))
    [resumed] = await office.deployment.announced(EnrolmentResumed)
    assert resumed.reason == "verified-again"
    assert await office.reconcile() == []


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        (REVOKED, "verification-revoked"),
        (WITHDRAWN, "household-withdrawn"),
        (SUSPECTED, "duplicate-open"),
    ],
)
async def test_what_is_heard_while_a_person_decides_rests_the_enrolment(
    deployment_of: DeploymentFactory, heard: Event, reason: str
) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    proposal = await office.post("/programmes/BLT-2022/enrolments:batch", {"scan": {}}, expect=201)
    async with office.deployment.transaction() as session:
        # The decision has looked at the household, and commits after the word against it was heard.
        decided = await lock_proposal(session, UUID(proposal["proposal_id"]))
        await approve(session, decided, Decree(number="1", dated=date(2022, 12, 19)), date(2022, 12, 19), "head")
        await office.deployment.deliver(heard)
    [enrolment] = (await office.get("/enrolments"))["items"]
    assert enrolment["status"] == "active"
    await office.deployment.hear_own()
    [suspended] = await office.deployment.announced(EnrolmentSuspended)
    assert suspended.reason == reason
    assert await office.reconcile() == []


async def test_a_withdrawn_household_rests_until_a_person_decides(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("BLT-2022")
    await office.deployment.deliver(WITHDRAWN)
    [enrolment] = (await office.get("/enrolments"))["items"]
    assert (enrolment["status"], enrolment["reason"]) == ("suspended", "household-withdrawn")
    asked = await office.post(f"/enrolments/{enrolment['enrolment_id']}/resume", {"reason": "decided"}, expect=202)
    await office.second(asked)
    assert (await office.get(f"/enrolments/{enrolment['enrolment_id']}"))["status"] == "active"


async def test_what_others_give_is_shown_before_approval(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    elsewhere = enrolled_elsewhere(date(2022, 11, 1))
    payment = {
        "programme_id": str(WRSE),
        "programme": "WRSE-2023",
        "household_id": str(FAMILY.id),
        "region": FAMILY.region,
        "enrolment_id": str(elsewhere.enrolment_id),
    }
    paid = AidDisbursed.model_validate(AidDisbursed.example | payment | {"rupiah": 3_000_000})
    back = AidReturned.model_validate(AidReturned.example | payment | {"rupiah": 1_000_000})
    coached = ServiceDelivered.model_validate(ServiceDelivered.example | payment)
    await office.deployment.deliver(elsewhere, paid, back, coached, agency=PROVINCE)
    proposal = await office.post("/programmes/BLT-2022/enrolments:batch", {"scan": {}}, expect=201)
    [item] = (await office.get(f"/proposals/{proposal['proposal_id']}/items"))["items"]
    assert item["held_elsewhere"] == [
        {
            "agency": PROVINCE,
            "programme": "WRSE-2023",
            "status": "active",
            "started_on": "2022-11-01",
            "paid_rupiah": 2_000_000,
        }
    ]
    shown = await office.get(f"/households/{FAMILY.id}/benefits")
    assert [(each["agency"], each["service"]) for each in shown["services"]] == [(PROVINCE, "coaching")]
    assert (await office.get("/households:unserved"))["items"] == []


@pytest.mark.parametrize("stranger_first", [True, False])
async def test_one_agency_cannot_speak_for_anothers_enrolment_or_payment(
    deployment_of: DeploymentFactory, stranger_first: bool
) -> None:
    deployment = await deployment_of(SERVICE, agency="dinkop-samarinda")
    of = {"household_id": str(FAMILY.id), "region": FAMILY.region}
    enrolled = HouseholdEnrolled.model_validate(HouseholdEnrolled.example | of)
    paid = AidDisbursed.model_validate(AidDisbursed.example | of)
    owner = ("pupr-samarinda", [ProgrammePublished.model_validate(ProgrammePublished.example), enrolled, paid])
    stranger = (
        PROVINCE,
        [
            ProgrammePublished.model_validate(ProgrammePublished.example | {"version": 9, "benefit_kind": "cash"}),
            enrolled.model_copy(update={"programme": "OTHER-2023"}),
            paid.model_copy(update={"rupiah": 1}),
            AidReturned.model_validate(AidReturned.example | of),
            AidReversed.model_validate(AidReversed.example | of),
            EnrolmentVoided.model_validate(EnrolmentVoided.example | of),
        ],
    )
    for agency, events in (stranger, owner) if stranger_first else (owner, stranger):
        await deployment.deliver(*events, agency=agency)
    said = {
        name: [row._asdict() for row in await deployment.fetch(f"select * from {name} where agency = 'pupr-samarinda'")]
        for name in ("seen_programme", "seen_enrolment", "seen_payment")
    }
    assert [(each["version"], each["benefit_kind"]) for each in said["seen_programme"]] == [(1, "capital-grant")]
    assert [(each["programme"], each["status"]) for each in said["seen_enrolment"]] == [("UEP-2023", "active")]
    assert [(each["rupiah"], each["status"]) for each in said["seen_payment"]] == [(900_000, "paid")]
    again = await deployment_of(SERVICE, agency="disnaker-samarinda", database_pool_max=5)
    for agency, events in (owner, stranger):
        await again.deliver(*events, agency=agency, twice=False)
    assert await read_tables(again) == await read_tables(deployment)


async def test_an_agency_that_borrows_our_enrolments_id_rests_nothing(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("BLT-2022")
    [ours] = await office.deployment.announced(HouseholdEnrolled)
    borrowed = enrolled_elsewhere(date(2022, 11, 1), enrolment_id=str(ours.enrolment_id))
    third = enrolled_elsewhere(date(2022, 10, 1))
    claimed = OverlapDetected(
        programme_id=WRSE,
        programme="WRSE-2023",
        household_id=FAMILY.id,
        region=FAMILY.region,
        enrolment_id=third.enrolment_id,
        other_agency="dinsos-samarinda",
        other_programme="BLT-2022",
        other_enrolment_id=ours.enrolment_id,
        reason="excluded-by-programme",
    )
    await office.deployment.deliver(third, agency="pupr-samarinda")
    await office.deployment.deliver(borrowed, claimed, agency=PROVINCE)
    assert await office.deployment.announced(OverlapDetected) == []
    [enrolment] = (await office.get("/enrolments"))["items"]
    assert enrolment["status"] == "active"
    assert await office.reconcile() == []


@pytest.mark.parametrize(("started_on", "ours_rests"), [(date(2022, 11, 1), True), (date(2023, 5, 1), False)])
async def test_of_two_that_exclude_each_other_the_later_rests(
    deployment_of: DeploymentFactory, started_on: date, ours_rests: bool
) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("UEP-2023")
    await office.deployment.hear_own()
    await office.deployment.deliver(enrolled_elsewhere(started_on), agency=PROVINCE)
    [overlap] = await office.deployment.announced(OverlapDetected)
    assert (overlap.other_agency, overlap.other_programme) == (PROVINCE, "WRSE-2023")
    [enrolment] = (await office.get("/enrolments"))["items"]
    assert enrolment["status"] == ("suspended" if ours_rests else "active")


async def test_an_exclusion_that_is_known_refuses_by_name(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await hear_of(office.deployment, [FAMILY])
    published = ProgrammePublished(
        programme_id=WRSE,
        programme="PPSE-2023",
        version=1,
        title="Pemberdayaan",
        agency=PROVINCE,
        region="64",
        status=ProgrammeStatus.ACTIVE,
        unit=Unit.FAMILY,
        benefit_kind="capital-grant",
        strategy="raise-income",
        legal_basis="Pergub Kalimantan Timur",
        valid_from=date(2022, 1, 1),
    )
    await office.deployment.deliver(
        published, enrolled_elsewhere(date(2022, 11, 1), programme="PPSE-2023"), agency=PROVINCE
    )
    [candidate] = (await office.get("/programmes/UEP-2023/candidates"))["items"]
    [reason] = candidate["reasons"]
    assert reason["code"] == "excluded-by-programme"
    assert "PPSE-2023" in reason["detail"]


async def test_the_other_side_of_an_overlap_is_answered(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [FAMILY])
    await office.enrol("BLT-2022")
    [ours] = await office.deployment.announced(HouseholdEnrolled)
    elsewhere = enrolled_elsewhere(date(2022, 11, 1))
    theirs = OverlapDetected(
        programme_id=WRSE,
        programme="WRSE-2023",
        household_id=FAMILY.id,
        region=FAMILY.region,
        enrolment_id=elsewhere.enrolment_id,
        other_agency="dinsos-samarinda",
        other_programme="BLT-2022",
        other_enrolment_id=ours.enrolment_id,
        reason="excluded-by-programme",
    )
    await office.deployment.deliver(elsewhere, theirs, agency=PROVINCE)
    [answer] = await office.deployment.announced(OverlapDetected)
    assert (answer.enrolment_id, answer.other_enrolment_id) == (ours.enrolment_id, elsewhere.enrolment_id)
    [suspended] = await office.deployment.announced(EnrolmentSuspended)
    assert suspended.reason == "excluded-by-programme"
