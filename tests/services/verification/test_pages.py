"""The screens: what an officer and a supervisor see, and that a form does what the API does."""

from __future__ import annotations

import json
from uuid import UUID

import httpx2
import pytest

from services.verification.forms import forms
from services.verification.pages.visit_form import answers_of
from shared.events.verification import HouseholdVerified, VisitRecorded
from shared.security import Role
from tests.services.verification.city import City
from tests.services.verification.story import ANSWERS, photo, visit

FORM = forms().questionnaires["p3ke-visit-1"]
HTML = {"Accept": "text/html"}


def typed(value: bool | int | str) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def filled(members: list[UUID], **changed: str) -> dict[str, str]:
    """The fields of a visit form as a browser sends them."""
    fields = {f"answer.{name}": typed(answer) for name, answer in ANSWERS.items()}
    fields |= {f"outcome.{member_id}": "confirmed" for member_id in members}
    photos = [{"sha256": "a" * 64, "captured_at": "2022-12-05T01:30:00Z"}]
    return fields | {
        "questionnaire": "p3ke-visit-1",
        "visited_on": "2022-12-05",
        "no_answer_reason": "",
        "photos": json.dumps(photos),
        **changed,
    }


async def page(client: httpx2.AsyncClient, path: str) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_an_officer_sees_the_cases_to_visit_and_the_form(city: City) -> None:
    case_id, _ = await city.assigned(members=2)
    assert f"/cases/{case_id}" in await page(city.officer(), "/")
    shown = await page(city.officer(), f"/cases/{case_id}")
    assert "Lantai terluas" in shown
    assert shown.count('name="outcome.') == 2
    assert 'data-asks="has_shelter" data-answers="yes"' in shown


async def test_a_form_records_a_visit(city: City) -> None:
    case_id, household = await city.assigned(members=2)
    sent = await city.officer().post(f"/cases/{case_id}/visit", data=filled(household.members), headers=HTML)
    assert (sent.status_code, sent.headers["location"]) == (303, "/")
    assert len(await city.deployment.announced(VisitRecorded)) == 1
    (kept,) = await city.deployment.fetch("select score, confirmed_persons from visit")
    assert (kept.score, kept.confirmed_persons) == (90, 2)


async def test_a_form_with_a_mistake_says_what_to_do(city: City) -> None:
    case_id, household = await city.assigned(members=1)
    fields = filled(household.members, photos="[]", **{"answer.floor_area_m2": "luas"})
    refused = await city.officer().post(f"/cases/{case_id}/visit", data=fields, headers=HTML)
    assert refused.status_code == 422
    assert "Lampirkan paling sedikit 1 foto." in refused.text
    assert "Jawab dengan bilangan bulat." in refused.text
    assert await city.state_of(case_id) == "assigned"


async def test_nobody_at_the_door_needs_no_answers(city: City) -> None:
    case_id, household = await city.assigned(members=1)
    fields = filled(household.members, no_answer_reason="nobody-home")
    assert (await city.officer().post(f"/cases/{case_id}/visit", data=fields, headers=HTML)).status_code == 303
    (kept,) = await city.deployment.fetch("select no_answer_reason from visit")
    assert kept.no_answer_reason == "nobody-home"


async def test_a_supervisor_sees_the_answers_on_record_and_decides(city: City) -> None:
    case_id, _ = await city.visited(answers=ANSWERS | {"company_owner": True})
    shown = await page(city.supervisor(), f"/cases/{case_id}")
    assert "Warung makan" in shown
    assert "Skor 90: miskin ekstrem" in shown
    looks = await city.deployment.fetch("select purpose from kernel.audit where action = 'look_at_answers'")
    assert [look.purpose for look in looks] == ["decision"]
    done = await city.supervisor().post(f"/cases/{case_id}/decide", data={"decision": "verified"}, headers=HTML)
    assert done.status_code == 303
    assert len(await city.deployment.announced(HouseholdVerified)) == 1
    assert "Terverifikasi" in await page(city.supervisor(), f"/cases/{case_id}")


async def test_whoever_visited_sees_no_decision_form(city: City) -> None:
    case_id, household = await city.assigned()
    both = city.deployment.client(Role.FIELD_VERIFIER, Role.VERIFICATION_SUPERVISOR, subject="berdua")
    await both.post(f"/api/v1/cases/{case_id}/visits", json=visit(household))
    shown = await page(both, f"/cases/{case_id}")
    assert 'name="decision"' not in shown
    assert "orang lain" in shown


async def test_a_coordinator_sees_cases_without_answers_or_forms(city: City) -> None:
    case_id, household = await city.visited()
    shown = await page(city.deployment.client(Role.COORDINATOR), f"/cases/{case_id}")
    assert "Warung makan" not in shown
    assert "Skor" not in shown
    assert "<form" not in shown.split("<main", 1)[1]
    assert photo(household)["sha256"] not in shown


async def test_places_show_how_far_each_kelurahan_is(city: City) -> None:
    await city.visited()
    shown = await page(city.supervisor(), "/places")
    assert "Sempaja Selatan" in shown
    assert "/?state=visited&amp;region=64.72.05.1002" in shown


async def test_the_script_is_open_and_keeps(city: City) -> None:
    answer = await city.deployment.anonymous().get("/verification-assets/visit.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"answer.has_shelter": "no", "answer.floor": "earth"}, {"has_shelter": False}),
        ({"answer.has_shelter": "yes", "answer.floor": "earth"}, {"has_shelter": True, "floor": "earth"}),
        ({"answer.income_per_person_rupiah": "250.000"}, {"income_per_person_rupiah": 250_000}),
        ({"answer.income_per_person_rupiah": "banyak"}, {"income_per_person_rupiah": "banyak"}),
        ({"answer.has_business": "no", "answer.business": "fish"}, {"has_business": False}),
        ({"answer.head_has_work": "", "other": "x"}, {}),
    ],
)
def test_fields_become_answers_where_they_are_asked(fields: dict[str, str], answers: dict[str, object]) -> None:
    assert answers_of(FORM, fields) == answers
