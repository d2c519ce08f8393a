"""Who visits where, and lists of cases: pages, filters, regions, progress."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from shared.security import Role
from tests.services.verification.city import City
from tests.services.verification.story import visit

NORTH, SOUTH = "64.72.05.1002", "64.72.01.1001"


async def test_cases_are_shared_by_region_and_load(city: City) -> None:
    for region in [NORTH] * 5 + [SOUTH] * 2:
        await city.listed(members=1, region=region)
    body = {"assignments": [{"region": NORTH, "officer": "petugas-1"}, {"region": "64.72.05", "officer": "petugas-3"}]}
    body["assignments"].append({"region": NORTH, "officer": "petugas-2"})
    done = (await city.supervisor().post("/api/v1/assignments", json=body)).json()
    assert (done["cases_assigned"], done["cases_without_officer"]) == (5, 2)
    rows = await city.deployment.fetch("select officer from verification_case where officer is not null")
    assert Counter(row.officer for row in rows) == {"petugas-1": 3, "petugas-2": 2}
    await city.listed(members=1, region=NORTH)
    await city.listed(members=1, region="64.72.05.1003")
    rows = await city.deployment.fetch("select officer from verification_case where officer is not null")
    assert Counter(row.officer for row in rows) == {"petugas-1": 3, "petugas-2": 3, "petugas-3": 1}


async def test_the_same_assignment_again_changes_nothing(city: City) -> None:
    await city.listed(members=1)
    first, second = (await city.assign()).json(), (await city.assign()).json()
    assert (first["cases_assigned"], second["cases_assigned"]) == (1, 0)
    assert first["assignments"] == second["assignments"]


async def test_visits_of_an_officer_who_leaves_go_to_the_others(city: City) -> None:
    await city.assign(officer="petugas-1")
    for _ in range(3):
        await city.listed(members=1)
    await city.assign(officer="petugas-2")
    (leaving,) = [
        each for each in (await city.supervisor().get("/api/v1/assignments")).json()["assignments"]
        if each["officer"] == "petugas-1"
    ]  # fmt: skip
    done = (await city.supervisor().post(f"/api/v1/assignments/{leaving['id']}/ending")).json()
    assert (done["cases_assigned"], [each["officer"] for each in done["assignments"]]) == (3, ["petugas-2"])
    again = await city.supervisor().post(f"/api/v1/assignments/{leaving['id']}/ending")
    assert (again.status_code, again.json()["code"]) == (404, "assignment-not-found")


async def test_only_a_supervisor_of_the_region_assigns(city: City) -> None:
    body = {"assignments": [{"region": SOUTH, "officer": "petugas-1"}]}
    assert (await city.officer().post("/api/v1/assignments", json=body)).status_code == 403
    refused = await city.supervisor(regions=["64.72.05"]).post("/api/v1/assignments", json=body)
    assert refused.json()["code"] == "region-not-yours"
    mistyped = await city.assign(region="64.72.05.1099")
    assert (mistyped.status_code, mistyped.json()["code"]) == (422, "assignment-region-unknown")


async def test_a_list_is_read_page_by_page(city: City) -> None:
    opened = {await city.case_of(await city.listed(members=1)) for _ in range(5)}
    seen: list[UUID] = []
    after: str | None = None
    for _ in range(3):
        params = {"limit": 2} | ({"after": after} if after else {})
        page = (await city.officer().get("/api/v1/cases", params=params)).json()
        seen += [UUID(each["case_id"]) for each in page["cases"]]
        after = page["next"]
    assert (len(seen), set(seen), after) == (5, opened, None)
    assert (await city.officer().get("/api/v1/cases", params={"limit": 501})).status_code == 422


async def test_a_list_is_filtered_and_kept_to_ones_regions(city: City) -> None:
    north = await city.listed(members=1, region=NORTH)
    await city.listed(members=1, region=SOUTH)
    await city.assign(region=NORTH)

    async def listed(regions: list[str], **params: str) -> list[str]:
        answer = await city.officer(regions=regions).get("/api/v1/cases", params=params)
        return sorted(each["region"] for each in answer.json()["cases"])

    assert await listed(["64.72"]) == [SOUTH, NORTH]
    assert await listed(["64.72.01"]) == [SOUTH]
    assert await listed(["64.72.02"]) == []
    assert await listed([]) == []
    assert await listed(["64.72"], region="64.72.05") == [NORTH]
    assert await listed(["64.72"], state="proposed") == [SOUTH]
    assert await listed(["64.72"], officer="petugas-1") == [NORTH]
    assert await listed(["64.72"], household_id=str(north.household_id)) == [NORTH]


async def test_a_case_shows_its_members_visits_and_decisions(city: City) -> None:
    case_id, decision_id, household = await city.verified(members=2)
    shown = (await city.supervisor().get(f"/api/v1/cases/{case_id}")).json()
    assert shown["members"] == sorted(map(str, household.members))
    (visited,) = shown["visits"]
    assert (visited["confirmed_persons"], visited["score"], visited["category"]) == (2, 90, "extreme-poor")
    assert "answers" not in visited
    (decided,) = shown["decisions"]
    assert decided["decision_id"] == str(decision_id)
    assert (decided["proposed_by"], decided["decided_by"]) == ("petugas-1", "pengawas-1")
    elsewhere = await city.officer(regions=["64.72.01"]).get(f"/api/v1/cases/{case_id}")
    assert elsewhere.json()["code"] == "region-not-yours"


async def test_a_coordinator_does_not_see_how_poor_a_household_is(city: City) -> None:
    case_id, _ = await city.visited(members=2)
    coordinator = city.deployment.client(Role.COORDINATOR)
    for path in ("/api/v1/cases", f"/api/v1/cases/{case_id}"):
        assert "extreme-poor" not in (await coordinator.get(path)).text
        assert "floor-earth" not in (await coordinator.get(path)).text
    (seen,) = (await city.supervisor().get("/api/v1/cases", params={"state": "visited"})).json()["cases"]
    assert (seen["confirmed_persons"], seen["score"], seen["category"]) == (2, 90, "extreme-poor")


async def test_progress_counts_each_kelurahan(city: City) -> None:
    await city.visited(members=1)
    for region in (NORTH, SOUTH):
        await city.listed(members=1, region=region)
    city.deployment.clock.move(days=31)
    coordinator = city.deployment.client(Role.COORDINATOR)
    places = (await coordinator.get("/api/v1/progress")).json()["places"]
    assert places == [
        {"region": SOUTH, "cases": 1, "states": {"assigned": 1}, "overdue": 1, "without_officer": 0},
        {"region": NORTH, "cases": 2, "states": {"assigned": 1, "visited": 1}, "overdue": 1, "without_officer": 0},
    ]
    narrowed = (await coordinator.get("/api/v1/progress", params={"region": "64.72.01"})).json()["places"]
    assert [each["region"] for each in narrowed] == [SOUTH]


async def test_a_phone_can_ask_for_its_form_and_reasons(city: City) -> None:
    form = (await city.officer().get("/api/v1/questionnaires/p3ke-visit-1")).json()
    floor = next(question for question in form["questions"] if question["name"] == "floor")
    assert (floor["text"], floor["number"], floor["words"]["earth"]) == ("Lantai terluas", "303", "Tanah")
    assert (await city.officer().get("/api/v1/questionnaires/nothing")).json()["code"] == "questionnaire-not-found"
    reasons = (await city.supervisor().get("/api/v1/reasons", headers={"Accept-Language": "en"})).json()
    assert reasons["return"]["evidence-unclear"] == "Evidence unclear"
    assert set(reasons) == {"rejection", "return", "revocation", "category"}


async def test_a_visit_of_a_returned_case_stays_with_its_officer(city: City) -> None:
    case_id, household = await city.visited()
    await city.decide(case_id, decision="returned", reasons=["evidence-unclear"])
    (mine,) = (await city.officer().get("/api/v1/cases", params={"officer": "petugas-1"})).json()["cases"]
    assert (mine["case_id"], mine["state"]) == (str(case_id), "returned")
    again = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household))
    assert again.status_code == 201
