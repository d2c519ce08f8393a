"""The short way of plain requests: whatever comes, the answer is that of the framework's way."""

from typing import Any

import pytest
from fastapi import FastAPI

from services.intake.app import SERVICE
from shared.web.app import include_routers
from shared.web.short_way import ShortWay, ways_of
from tests.shared.web.hall import PEOPLE, Hall

CARD = {"region": "64.72.05.1001", "words": "first", "count": 2}


def test_only_routes_that_gather_have_a_short_way(hall: Hall) -> None:
    assert set(dict(ways_of(hall.app))) == {("POST", "/cards")}
    assert str(ShortWay) in [str(each.cls) for each in hall.app.user_middleware]


def test_registering_a_household_has_one() -> None:
    app = FastAPI()
    include_routers(app, SERVICE.routes)
    assert ("POST", "/api/v1/households") in dict(ways_of(app))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"\xff", b'{"region": "64.72.05.1001"}', b'{"words": NaN}',
        b'{"region": "64.72.05.1001", "words": ""}', b'{"region": "64.72.05.1001", "words": "a", "count": "x"}',
        b'{"region": "64.72.05.1001", "words": "a", "count": 12}', b'{"region": "64.72.05.1001", "words": "a\\u0000"}',
        b'{"region": "64.72.05.1001", "words": "a", "number": "one"}', b'{"region": "far", "words": 7, "count": null}',
        b'{"region": "11.01.01.2001", "words": "first"}', b'{"words": "' + b"a" * 300_000 + b'"}',
    ],
)  # fmt: skip
async def test_what_is_not_sound_is_told_as_everywhere(hall: Hall, content: bytes) -> None:
    answers = [
        await hall.client.post(path, content=content, headers=hall.officer(**{"Content-Type": "application/json"}))
        for path in ("/cards", "/notes")
    ]
    short, framework = [(each.status_code, each.headers["content-type"], told(each.json())) for each in answers]
    assert short == framework
    assert short[0] >= 400
    assert await hall.count("note") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""}, {"Authorization": "Bearer none"}, {"Idempotency-Key": ""}, {"Idempotency-Key": "short"},
        {"Content-Type": "text/plain"}, {"Accept-Language": "en", "Idempotency-Key": "?"},
    ],
)  # fmt: skip
async def test_who_may_not_and_what_lacks_a_key_is_refused_as_everywhere(hall: Hall, headers: dict[str, str]) -> None:
    answers = [
        await hall.client.post(path, json=CARD, headers=hall.officer() | headers) for path in ("/cards", "/notes")
    ]
    short, framework = [(each.status_code, told(each.json())) for each in answers]
    assert short == framework
    assert short[0] >= 400


async def test_another_role_and_another_agency_are_refused_before_the_body_is_read(hall: Hall) -> None:
    for person in (f"{PEOPLE}.petugas-verifikasi-1", "dinkop-samarinda.petugas-program"):
        headers = hall.officer() | hall.as_(person)
        answers = [await hall.client.post(path, content=b"{", headers=headers) for path in ("/cards", "/notes")]
        assert [each.status_code for each in answers] == [403, 403]
        assert told(answers[0].json()) == told(answers[1].json())


async def test_other_methods_and_addresses_go_the_frameworks_way(hall: Hall) -> None:
    assert (await hall.client.get("/cards", headers=hall.officer())).status_code == 405
    assert (await hall.client.post("/cards/", json=CARD, headers=hall.officer())).status_code == 404
    assert (await hall.client.post("/cards?a=%00", json=CARD, headers=hall.officer())).status_code == 422


async def test_a_route_is_measured_and_logged_by_its_pattern(hall: Hall) -> None:
    assert (await hall.client.post("/cards", json=CARD, headers=hall.officer())).status_code == 201
    labels = {"method": "POST", "route": "/cards", "status": "201"}
    assert hall.deployment.registry.get_sample_value("tuntas_http_seconds_count", labels) == 1


def told(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "correlation_id"}
