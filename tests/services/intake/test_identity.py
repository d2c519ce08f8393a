"""Who may learn who somebody is: an agency with an open case, for a purpose, each look recorded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from shared.events.envelope import Event
from shared.events.programs import (
    EnrolmentEnded,
    EnrolmentVoided,
    HouseholdEnrolled,
    HouseholdGraduated,
    OfferDeclined,
    SlotOffered,
)
from shared.events.verification import (
    HouseholdRejected,
    HouseholdVerified,
    VerificationClosed,
    VerificationOpened,
    VerificationRevoked,
)
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.intake.city import KELURAHAN, household, intake, kk, member, nik


def about(event: type[Event], household_id: str, **changes: Any) -> Event:
    """A fact about that household."""
    return event.model_validate({**event.example, "household_id": household_id, "region": KELURAHAN, **changes})


async def registered(city: TestDeployment) -> str:
    body = household(1, member(1, "Ahmad Yusuf", phone="082612345678"))
    answer = await city.client(Role.PROGRAMME_OFFICER).post("/api/v1/households", json=body)
    found: str = answer.json()["household_id"]
    return found


async def test_without_an_open_case_nobody_looks(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    for agency in ("dinsos-samarinda", "dinkop-samarinda"):
        worker = city.client(Role.PROGRAMME_OFFICER, agency=agency)
        answer = await worker.post(
            "/api/v1/identity/looks", json={"household_id": household_id, "purpose": "enrolment"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "no-open-case")
        assert "Ahmad" not in answer.text
    looks = await city.fetch("select principal, action, subjects, purpose from kernel.audit where purpose is not null")
    assert [tuple(row) for row in looks] == [
        (f"{agency}/petugas-1", "identity.look-refused", {"household_id": household_id}, "enrolment")
        for agency in ("dinsos-samarinda", "dinkop-samarinda")
    ]


async def test_the_agency_of_an_open_case_looks_and_it_is_recorded(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    await city.deliver(about(SlotOffered, household_id), agency="dinkop-samarinda")
    worker = city.client(Role.PROGRAMME_OFFICER, agency="dinkop-samarinda", subject="petugas-9")
    answer = await worker.post("/api/v1/identity/looks", json={"household_id": household_id, "purpose": "offer"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["family_card_number"] == kk(1)
    assert found["address"] == {"street": "Jl. Melati No. 1", "rt": "003", "rw": "001"}
    (person,) = found["members"]
    assert (person["name"], person["nik"], person["birth_date"], person["phone"]) == (
        "Ahmad Yusuf", nik(1), "1980-05-17", "082612345678",
    )  # fmt: skip
    (row,) = await city.fetch("select principal, subjects, purpose from kernel.audit where action = 'identity.looked'")
    assert (row.principal, row.subjects, row.purpose) == (
        "dinkop-samarinda/petugas-9", {"household_id": household_id}, "offer",
    )  # fmt: skip
    other = city.client(Role.PROGRAMME_OFFICER, agency="pupr-samarinda")
    refused = await other.post("/api/v1/identity/looks", json={"household_id": household_id, "purpose": "offer"})
    assert refused.json()["code"] == "no-open-case"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (VerificationOpened, HouseholdVerified),
        (VerificationOpened, HouseholdRejected),
        (VerificationOpened, VerificationRevoked),
        (VerificationOpened, VerificationClosed),
        (SlotOffered, OfferDeclined),
        (HouseholdEnrolled, EnrolmentEnded),
        (HouseholdEnrolled, EnrolmentVoided),
        (HouseholdEnrolled, HouseholdGraduated),
    ],
)
async def test_the_right_ends_with_the_case(
    deployment_of: DeploymentFactory, opening: type[Event], closing: type[Event]
) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    worker = city.client(Role.FIELD_VERIFIER)
    body = {"household_id": household_id, "purpose": "home-visit"}
    await city.deliver(about(opening, household_id))
    assert (await worker.post("/api/v1/identity/looks", json=body)).status_code == 200
    await city.deliver(about(closing, household_id))
    assert (await worker.post("/api/v1/identity/looks", json=body)).status_code == 403


@pytest.mark.parametrize("opened_first", [True, False])
async def test_the_right_ends_with_the_household(deployment_of: DeploymentFactory, opened_first: bool) -> None:
    """Who left the register is nobody's case any more, also before the others have heard of it and closed theirs."""
    city = await intake(deployment_of)
    household_id = await registered(city)
    officer = city.client(Role.PROGRAMME_OFFICER)
    leave = officer.post(
        f"/api/v1/households/{household_id}/withdrawal", json={"revision": 1, "reason": "entered-in-error"}
    )
    opened = city.deliver(about(HouseholdEnrolled, household_id))
    for step in (opened, leave) if opened_first else (leave, opened):
        await step
    answer = await officer.post("/api/v1/identity/looks", json={"household_id": household_id, "purpose": "enrolment"})
    assert (answer.status_code, answer.json()["code"]) == (403, "no-open-case")


async def test_an_enrolment_keeps_the_case_open_that_its_offer_opened(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    await city.deliver(about(SlotOffered, household_id), about(HouseholdEnrolled, household_id))
    rows = await city.fetch("select is_open, sequence from open_case")
    assert [(row.is_open, row.sequence) for row in rows] == [(True, 2)]


async def test_the_region_binds_also_an_agency_with_a_case(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    await city.deliver(about(VerificationOpened, household_id))
    worker = city.client(Role.FIELD_VERIFIER, regions=["64.72.03"])
    answer = await worker.post("/api/v1/identity/looks", json={"household_id": household_id, "purpose": "home-visit"})
    assert answer.status_code == 403


async def test_a_list_of_looks_leaves_out_what_is_not_open(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    await city.deliver(about(HouseholdEnrolled, household_id))
    unknown = str(UUID(int=7))
    answer = await city.client(Role.PAYMENT_MAKER).post(
        "/api/v1/identity/looks/list", json={"household_ids": [household_id, unknown], "purpose": "payment"}
    )
    assert [each["household_id"] for each in answer.json()["items"]] == [household_id]
    assert answer.json()["refused"] == [unknown]
    looks = await city.fetch("select action, subjects from kernel.audit where purpose = 'payment' order by action")
    assert [tuple(row) for row in looks] == [
        ("identity.look-refused", {"household_id": unknown}),
        ("identity.looked", {"household_id": household_id}),
    ]


async def test_a_purpose_is_one_of_a_list(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    answer = await city.client(Role.FIELD_VERIFIER).post(
        "/api/v1/identity/looks", json={"household_id": household_id, "purpose": "curiosity"}
    )
    assert answer.status_code == 422


async def test_a_system_learns_the_household_of_a_number_and_nothing_else(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    household_id = await registered(city)
    system = city.client(Role.INTEGRATION_CLIENT, agency="dinsos-kaltim", regions=["64"])
    answer = await system.post("/api/v1/identity/resolve", json={"nik": nik(1), "purpose": "enrolment"})
    assert answer.json() == {"household_id": household_id}
    (row,) = await city.fetch("select subjects, purpose from kernel.audit where action = 'identity.resolved'")
    assert (row.subjects, row.purpose) == ({"household_id": household_id}, "enrolment")
    nobody = await system.post("/api/v1/identity/resolve", json={"nik": nik(2), "purpose": "enrolment"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "nobody-found")
    (probe,) = await city.fetch("select subjects, purpose from kernel.audit where action = 'identity.not-resolved'")
    assert (probe.subjects, probe.purpose) == ({}, "enrolment")
    damaged = await system.post("/api/v1/identity/resolve", json={"nik": "6.47E+15", "purpose": "enrolment"})
    assert damaged.json()["errors"][0]["code"] == "nik-scientific-notation"
    officer = city.client(Role.PROGRAMME_OFFICER)
    refused = await officer.post("/api/v1/identity/resolve", json={"nik": nik(1), "purpose": "enrolment"})
    assert refused.json()["code"] == "role-missing"
    far = city.client(Role.INTEGRATION_CLIENT, agency="dinsos-kaltim", regions=["64.71"], subject="sistem-2")
    hidden = await far.post("/api/v1/identity/resolve", json={"nik": nik(1), "purpose": "enrolment"})
    assert hidden.json()["code"] == "nobody-found"
    probes = await city.fetch("select principal from kernel.audit where action = 'identity.not-resolved' order by id")
    assert [row.principal for row in probes] == ["dinsos-kaltim/petugas-1", "dinsos-kaltim/sistem-2"]


async def test_the_answer_of_a_look_is_not_kept(deployment_of: DeploymentFactory) -> None:
    """A repetition under the same key looks again: after the case is closed it is refused like any other."""
    city = await intake(deployment_of)
    household_id = await registered(city)
    worker = city.client(Role.FIELD_VERIFIER)
    headers = {"Idempotency-Key": "kunjungan-0001"}
    body = {"household_id": household_id, "purpose": "home-visit"}
    await city.deliver(about(VerificationOpened, household_id))
    assert (await worker.post("/api/v1/identity/looks", json=body, headers=headers)).status_code == 200
    await city.deliver(about(HouseholdVerified, household_id))
    assert (await worker.post("/api/v1/identity/looks", json=body, headers=headers)).status_code == 403
