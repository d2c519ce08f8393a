"""One household at a time, as an officer registers, corrects and withdraws it."""

from __future__ import annotations

import asyncio

from shared.events.intake import (
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
)
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.intake.city import KELURAHAN, OTHER_KELURAHAN, household, intake, kk, member, nik


async def test_a_household_enters_with_its_fact_and_its_profile(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    body = household(
        1,
        member(1, "Ahmad Yusuf", works=True),
        member(2, "Siti Rahma", sex="P", birth_date="2015-01-09", relation="child", at_school=True),
    )
    answer = await officer.post("/api/v1/households", json=body)
    assert answer.status_code == 201, answer.text
    (fact,) = await city.announced(HouseholdRegistered)
    assert str(fact.household_id) == answer.json()["household_id"]
    assert (fact.region, fact.registers, fact.persons, fact.revision) == (KELURAHAN, ["own"], 2, 1)
    (profile,) = await city.announced(HouseholdProfile)
    assert profile.decile == 1
    assert [(each.sex, each.birth_year, each.relation) for each in profile.members] == [
        ("male", 1980, "head"),
        ("female", 2015, "child"),
    ]
    assert profile.members[0].works is True
    assert profile.members[1].at_school is True


async def test_identity_is_sealed_in_the_database_and_masked_on_the_screen(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    body = household(1, member(1, "Ahmad Yusuf", phone="082612345678"))
    household_id = (await officer.post("/api/v1/households", json=body)).json()["household_id"]
    shown = (await officer.get(f"/api/v1/households/{household_id}")).json()
    (person,) = shown["members"]
    assert person["name"] == "A*** Y***"
    assert person["nik"] == f"6472********{nik(1)[-4:]}"
    assert person["phone"] == "0826****5678"
    assert shown["family_card_number"] == f"6472********{kk(1)[-4:]}"
    rows = await city.fetch("select m::text || h::text || c::text as all from member m, household h, family_card c")
    for secret in ("Ahmad", "Yusuf", nik(1), kk(1), "Melati", "082612345678"):
        assert all(secret not in row.all for row in rows)


async def test_a_household_without_a_card_needs_a_coded_reason(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    without = household(1, family_card_number=None)
    refused = await officer.post("/api/v1/households", json=without)
    assert refused.status_code == 422
    assert [(e["code"], e["field"]) for e in refused.json()["errors"]] == [("kk-missing", "family_card_number")]
    accepted = await officer.post("/api/v1/households", json={**without, "without_card_reason": "homeless"})
    assert accepted.status_code == 201
    (fact,) = await city.announced(HouseholdRegistered)
    assert fact.without_card_reason == "homeless"


async def test_every_finding_is_told_at_once(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    body = household(
        1,
        member(1, nik="6.47E+15"),
        member(2, name="-", birth_date="2062-01-01", nik=nik(2)[:-1]),
        region="64.72.05.1099",
    )
    answer = await officer.post("/api/v1/households", json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "household-refused"
    assert {(each["field"], each["code"]) for each in problem["errors"]} == {
        ("members.0.nik", "nik-scientific-notation"),
        ("members.1.name", "name-empty"),
        ("members.1.birth_date", "birth-date-in-future"),
        ("members.1.nik", "nik-length"),
        ("region", "region-unknown"),
    }
    assert await city.announced_names() == []


async def test_the_same_request_again_registers_nothing(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    headers = {"Idempotency-Key": "formulir-0001"}
    first = await officer.post("/api/v1/households", json=household(1), headers=headers)
    again = await officer.post("/api/v1/households", json=household(1), headers=headers)
    assert first.json() == again.json()
    assert len(await city.announced(HouseholdRegistered)) == 1


async def test_a_card_that_is_taken_names_its_household_only_to_who_may_see_it(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    known = (await officer.post("/api/v1/households", json=household(1))).json()["household_id"]
    again = await officer.post("/api/v1/households", json=household(1, member(2)))
    assert again.status_code == 409
    assert again.json()["code"] == "household-known-as"
    assert known in again.json()["detail"]
    elsewhere = city.client(Role.PROGRAMME_OFFICER, regions=["64.72.03"], subject="petugas-2")
    hidden = await elsewhere.post("/api/v1/households", json=household(1, member(2), region=OTHER_KELURAHAN))
    assert hidden.status_code == 409
    assert known not in hidden.text
    assert KELURAHAN not in hidden.text


async def test_a_person_whose_number_is_taken_is_held_and_the_family_enters(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    await officer.post("/api/v1/households", json=household(1, member(1)))
    answer = await officer.post("/api/v1/households", json=household(2, member(2), member(1, "Orang Lain")))
    assert answer.status_code == 201
    assert len(answer.json()["held"]) == 1
    facts = await city.announced(HouseholdRegistered)
    assert [fact.persons for fact in facts] == [1, 1]
    (suspected,) = await city.announced(DuplicateSuspected)
    assert suspected.household_id == facts[1].household_id
    assert suspected.blocks_payment
    assert suspected.reasons == ["same-national-id"]


async def test_another_region_is_neither_written_nor_read(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    household_id = (await officer.post("/api/v1/households", json=household(1))).json()["household_id"]
    other = city.client(Role.PROGRAMME_OFFICER, regions=["64.72.03"], subject="petugas-2")
    refused = await other.post("/api/v1/households", json=household(2))
    assert (refused.status_code, refused.json()["code"]) == (403, "region-not-yours")
    unknown = await other.get(f"/api/v1/households/{household_id}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "household-unknown")
    assert (await other.get("/api/v1/households")).json()["items"] == []


async def test_a_correction_makes_a_new_revision_with_the_whole_state(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    made = (await officer.post("/api/v1/households", json=household(1, member(1), member(2)))).json()
    leaving = made["members"][1]["member_id"]
    correction = {
        "revision": 1,
        "reason": "roster-corrected",
        "region": OTHER_KELURAHAN,
        "leaving": [{"member_id": leaving, "reason": "died"}],
        "joining": [member(3, "Bayi Baru", relation="child", birth_date="2022-11-01")],
        "changed": [{"member_id": made["members"][0]["member_id"], "name": "Nama Benar"}],
    }
    path = f"/api/v1/households/{made['household_id']}/corrections"
    answer = await officer.post(path, json=correction)
    assert answer.status_code == 201, answer.text
    assert answer.json()["revision"] == 2
    (fact,) = await city.announced(HouseholdUpdated)
    assert (fact.region, fact.persons, fact.revision, fact.reason) == (OTHER_KELURAHAN, 2, 2, "roster-corrected")
    assert str(leaving) not in {str(each) for each in fact.members}
    profile = (await city.announced(HouseholdProfile))[-1]
    assert profile.revision == 2
    stale = await officer.post(path, json={"revision": 1, "reason": "moved"})
    assert (stale.status_code, stale.json()["code"]) == (409, "household-changed")
    found = await officer.post("/api/v1/households/search", json={"name": "Nama Benar", "region": "64.72.03"})
    assert [each["household_id"] for each in found.json()["items"]] == [made["household_id"]]


async def test_a_household_that_withdraws_frees_its_numbers_and_its_profile_is_erased(
    deployment_of: DeploymentFactory,
) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    made = (await officer.post("/api/v1/households", json=household(1))).json()
    answer = await officer.post(
        f"/api/v1/households/{made['household_id']}/withdrawal", json={"revision": 1, "reason": "entered-in-error"}
    )
    assert answer.status_code == 201
    (fact,) = await city.announced(HouseholdWithdrawn)
    assert fact.revision == 2
    tombstones = await city.fetch("select key from kernel.outbox where payload is null")
    assert [row.key.decode() for row in tombstones] == [made["household_id"]]
    assert (await officer.post("/api/v1/households", json=household(1))).status_code == 201


async def test_names_are_found_by_their_variants_and_shown_masked(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    await officer.post("/api/v1/households", json=household(1, member(1, "Muhammad Soeharto")))
    await officer.post("/api/v1/households", json=household(2, member(2, "Joko Widodo Santoso")))
    answer = await officer.post("/api/v1/households/search", json={"name": "Moh. Suharto", "region": "64.72.05"})
    (found,) = answer.json()["items"]
    assert found["name"] == "M*** S***"
    assert found["likeness"] == 100
    wide = await officer.post("/api/v1/households/search", json={"name": "Suharto", "region": "64.72"})
    assert (wide.status_code, wide.json()["code"]) == (422, "search-too-wide")


async def test_lists_come_in_pages(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    for serial in range(1, 6):
        await officer.post("/api/v1/households", json=household(serial))
    first = (await officer.get("/api/v1/households", params={"limit": 3})).json()
    second = (await officer.get("/api/v1/households", params={"limit": 3, "after": first["next"]})).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 2, None)


async def test_of_many_officers_at_once_one_registers_a_person(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    officer = city.client(Role.PROGRAMME_OFFICER)
    answers = await asyncio.gather(
        *(officer.post("/api/v1/households", json=household(serial, member(1))) for serial in range(1, 13))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert len(await city.fetch("select 1 from member where state = 'active'")) == 1
