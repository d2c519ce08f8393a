"""Visits: what is taken, what is refused and why, and that a second sync changes nothing."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.events.intake import DuplicateSuspected
from shared.events.verification import VisitRecorded
from shared.security import Role
from tests.services.verification.city import City
from tests.services.verification.story import ANSWERS, photo, registered, visit


async def test_a_visit_is_recorded_and_announced_without_what_people_answered(city: City) -> None:
    case_id, _ = await city.visited()
    assert await city.state_of(case_id) == "visited"
    (said,) = await city.deployment.announced(VisitRecorded)
    assert (said.case_id, said.questionnaire, said.evidence_count) == (case_id, "p3ke-visit-1", 1)
    assert set(said.model_dump()) == {
        "case_id", "household_id", "region", "visited_on", "questionnaire", "evidence_count",
    }  # fmt: skip


async def test_answers_and_positions_are_sealed_at_rest(city: City) -> None:
    await city.visited()
    (row,) = await city.deployment.fetch("select * from visit")
    kept = " ".join(str(value) for value in row._mapping.values() if not isinstance(value, bytes))
    assert "food-stall" not in kept
    assert "250000" not in kept
    assert "117.15" not in kept
    assert b"food-stall" not in bytes(row.sealed)


async def test_looking_at_answers_needs_a_purpose_and_leaves_a_row(city: City) -> None:
    await city.visited()
    (row,) = await city.deployment.fetch("select id, household_id from visit")
    path = f"/api/v1/visits/{row.id}/answers"
    assert (await city.supervisor().get(path)).status_code == 422
    shown = await city.supervisor().get(path, params={"purpose": "decision"})
    assert shown.json()["visit"]["answers"]["business"] == "food-stall"
    assert "income-below-line" in shown.json()["score_reasons"]
    assert shown.json()["unfit_house"] == ["floor-unfit"]
    assert shown.json()["suggested_rejections"] == []
    looks = "select principal, purpose, subjects from kernel.audit where action = 'look_at_answers'"
    (look,) = await city.deployment.fetch(looks)
    assert (look.principal, look.purpose) == ("dinsos-samarinda/pengawas-1", "decision")
    assert look.subjects["household_id"] == str(row.household_id)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"visited_on": "2022-12-06"}, "day-in-future"),
        ({"visited_on": "2022-11-30"}, "questionnaire-not-valid-then"),
        ({"questionnaire": "unknown-form"}, "questionnaire-unknown"),
        ({"evidence": []}, "photos-too-few"),
        ({"answers": ANSWERS | {"floor": "gold"}}, "answer-code-unknown"),
        ({"answers": ANSWERS | {"roof_colour": "red"}}, "question-unknown"),
        ({"answers": {name: answer for name, answer in ANSWERS.items() if name != "wall"}}, "answer-missing"),
        ({"answers": ANSWERS | {"has_shelter": False}}, "answer-not-asked"),
        ({"answers": ANSWERS | {"head_has_work": "yes"}}, "answer-not-yes-or-no"),
        ({"answers": ANSWERS | {"floor_area_m2": "30"}}, "answer-not-whole-number"),
        ({"answers": ANSWERS | {"floor_area_m2": 0}}, "answer-out-of-range"),
        ({"answers": None}, "answers-or-reason"),
        ({"answers": None, "no_answer_reason": "bored"}, "reason-not-listed"),
        ({"no_answer_reason": "refused"}, "answers-or-reason"),
    ],
)
async def test_a_visit_with_a_mistake_is_refused_by_name(city: City, changed: dict[str, Any], code: str) -> None:
    case_id, household = await city.assigned()
    refused = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json={**visit(household), **changed})
    assert refused.status_code == 422
    assert code in [error["code"] for error in refused.json()["errors"]]
    assert await city.state_of(case_id) == "assigned"
    assert await city.deployment.announced(VisitRecorded) == []


async def test_every_member_needs_exactly_one_outcome(city: City) -> None:
    case_id, household = await city.assigned(members=3)
    body = visit(household)
    stranger = str(uuid7())
    first, second = body["outcomes"][:2]
    body["outcomes"] = [first, first, second, {"member_id": stranger, "outcome": "confirmed"}]
    refused = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=body)
    codes = sorted(error["code"] for error in refused.json()["errors"])
    assert codes == ["member-outcome-missing", "member-outcome-twice", "member-unknown"]


async def test_an_outcome_that_is_none_of_the_six_is_refused(city: City) -> None:
    case_id, household = await city.assigned(members=1)
    refused = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household, outcomes=["unknown"]))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "outcomes[0].outcome"


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        ([{"sha256": "a" * 64, "captured_at": "2022-12-05T01:00:00Z"}] * 2, "photo-twice"),
        ([{"sha256": "a" * 64, "captured_at": "2099-12-05T02:11:00Z"}], "photo-from-future"),
        ([{"sha256": "a" * 64, "captured_at": "2022-12-05T01:00:00Z", "latitude": -0.5}], "position-incomplete"),
        ([{"sha256": "a" * 64, "captured_at": "2022-12-05T01:00:00"}], "wrong-date"),
        ([{"sha256": "picture", "captured_at": "2022-12-05T01:00:00Z"}], "wrong-form"),
    ],
)
async def test_evidence_that_proves_nothing_is_refused(city: City, evidence: list[dict[str, Any]], code: str) -> None:
    case_id, household = await city.assigned(members=1)
    refused = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household, evidence=evidence))
    assert refused.status_code == 422
    assert code in [error["code"] for error in refused.json()["errors"]]


async def test_nobody_at_the_door_is_a_visit_too(city: City) -> None:
    case_id, _ = await city.visited(
        members=2, outcomes=["not-found"] * 2, answers=None, no_answer_reason="address-not-found"
    )
    (row,) = await city.deployment.fetch("select score, category, no_answer_reason from visit")
    assert (row.score, row.category, row.no_answer_reason) == (None, None, "address-not-found")
    assert await city.state_of(case_id) == "visited"


async def test_only_a_field_verifier_of_the_region_visits(city: City) -> None:
    case_id, household = await city.assigned()
    path, body = f"/api/v1/cases/{case_id}/visits", visit(household)
    assert (await city.supervisor().post(path, json=body)).status_code == 403
    elsewhere = await city.officer(regions=["64.72.01"]).post(path, json=body)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "region-not-yours")
    assert (await city.deployment.anonymous().post(path, json=body)).status_code == 401
    other = city.deployment.client(Role.FIELD_VERIFIER, agency="dinkop-samarinda")
    assert (await other.post(path, json=body)).json()["code"] == "other-agency"


async def test_a_case_without_an_officer_is_not_visited(city: City) -> None:
    household = await city.listed()
    case_id = await city.case_of(household)
    refused = await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household))
    assert (refused.status_code, refused.json()["code"]) == (409, "case-not-in-state")


async def test_a_case_that_is_not_there_is_not_found(city: City) -> None:
    refused = await city.officer().post(f"/api/v1/cases/{uuid7()}/visits", json=visit(registered()))
    assert (refused.status_code, refused.json()["code"]) == (404, "case-not-found")


async def test_a_day_of_visits_syncs_item_by_item_and_twice(city: City) -> None:
    await city.assign()
    homes = [await city.listed(members=2) for _ in range(4)]
    items = [visit(home) | {"id": str(uuid7()), "case_id": str(await city.case_of(home))} for home in homes]
    items[1] |= {"visited_on": date(2023, 1, 1).isoformat()}
    items[2] |= {"outcomes": "all well"}
    items.append(dict(items[0]) | {"id": str(uuid7())})
    items.append(dict(items[0]) | {"id": str(uuid7()), "case_id": str(uuid7())})

    first = (await city.officer().post("/api/v1/visits:batch", json={"visits": items})).json()
    assert [each["result"] for each in first["results"]] == ["recorded", *["refused"] * 2, "recorded", *["refused"] * 2]
    codes = [[error["code"] for error in each["errors"]] for each in first["results"]]
    assert codes == [[], ["day-in-future"], ["wrong-type"], [], ["case-not-in-state"], ["case-not-found"]]
    assert first["results"][2]["case_id"] == items[2]["case_id"]

    second = (await city.officer().post("/api/v1/visits:batch", json={"visits": items})).json()
    assert (second["recorded"], second["repeated"], second["refused"]) == (0, 2, 4)
    assert len(await city.deployment.announced(VisitRecorded)) == 2


async def test_a_visit_id_names_one_visit_only(city: City) -> None:
    case_id, household = await city.assigned(members=1)
    visit_id = str(uuid7())
    path = f"/api/v1/cases/{case_id}/visits"
    assert (await city.officer().post(path, json=visit(household, id=visit_id))).status_code == 201
    changed = visit(household, id=visit_id, answers=ANSWERS | {"floor": "ceramic"})
    refused = await city.officer().post(path, json=changed)
    assert (refused.status_code, refused.json()["code"]) == (409, "visit-id-reused")
    again = await city.officer().post(path, json=visit(household, id=visit_id))
    assert (again.status_code, again.json()["result"]) == (201, "repeated")


async def test_two_lists_that_cross_record_each_visit_once(city: City) -> None:
    await city.assign()
    homes = [await city.listed(members=1) for _ in range(6)]
    items = [visit(home) | {"id": str(uuid7()), "case_id": str(await city.case_of(home))} for home in homes]
    answers = await asyncio.gather(
        city.officer().post("/api/v1/visits:batch", json={"visits": items}),
        city.officer("petugas-2").post("/api/v1/visits:batch", json={"visits": items[::-1]}),
    )
    assert sum(each.json()["recorded"] for each in answers) == len(homes)
    assert len(await city.deployment.announced(VisitRecorded)) == len(homes)


async def test_a_photo_of_another_house_is_pointed_out(city: City) -> None:
    _, household = await city.visited()
    case_id, other = await city.assigned()
    body = visit(other, evidence=[photo(household), photo(other)])
    await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=body)
    shown = (await city.supervisor().get(f"/api/v1/cases/{case_id}")).json()
    assert shown["visits"][0]["reused_photos"] == 1


async def test_an_open_question_of_duplicates_is_shown_and_does_not_stop_a_visit(city: City) -> None:
    case_id, household = await city.assigned()
    asked = DuplicateSuspected.from_example().model_copy(update={"household_id": household.household_id})
    await city.deployment.deliver(asked)
    (shown,) = (await city.officer().get("/api/v1/cases")).json()["cases"]
    assert (UUID(shown["case_id"]), shown["duplicate_open"]) == (case_id, True)
    assert (await city.officer().post(f"/api/v1/cases/{case_id}/visits", json=visit(household))).status_code == 201
