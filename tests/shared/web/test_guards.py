"""Deny by default: no token, another agency, another role, an undeclared route."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from local.issuer import Issuer
from local.people import Person
from shared.security import Caller, Role
from shared.web import EdgeRoute, allows, make_web_app, public, undeclared_routes
from shared.web.declared import UndeclaredRouteError
from tests.shared.web.hall import PEOPLE, Hall

NOTE = {"region": "64.72", "words": "first"}


async def answer_to(hall: Hall, headers: dict[str, str]) -> tuple[int, str]:
    answer = await hall.client.post("/notes", json=NOTE, headers=headers)
    assert await hall.count("kernel.audit") == 0
    return answer.status_code, answer.json()["code"]


def person(**changes: Any) -> Person:
    values = {
        "subject": "a.b",
        "title": "Petugas",
        "agency": PEOPLE,
        "roles": ("programme-officer",),
        "regions": ("64.72",),
    }
    return Person.model_validate(values | changes)


def bearer(issuer: Issuer, someone: Person, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token_of(someone, **claims)}", "Idempotency-Key": "12345678"}


async def test_without_a_token_nothing_is_told(hall: Hall) -> None:
    assert await answer_to(hall, {"Idempotency-Key": "12345678"}) == (401, "token-missing")
    assert await answer_to(hall, {"Authorization": "Basic YTpi"}) == (401, "token-missing")
    # Who may not know is told so before the body is looked at.
    answer = await hall.client.post("/notes", content=b"{", headers={"Content-Length": "9000000"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_agencys_token_is_refused(hall: Hall) -> None:
    assert await answer_to(hall, bearer(hall.issuer, person(agency="dinkop-samarinda"))) == (403, "other-agency")


async def test_another_role_is_refused(hall: Hall) -> None:
    for role in Role:
        if role is not Role.PROGRAMME_OFFICER:
            assert await answer_to(hall, bearer(hall.issuer, person(roles=(role,)))) == (403, "role-missing")


async def test_an_agency_that_the_directory_does_not_know_is_refused(hall: Hall) -> None:
    stranger = bearer(hall.issuer, person(agency="dinas-lain"))
    answer = await hall.client.get("/notes", headers=stranger)
    assert (answer.status_code, answer.json()["code"]) == (403, "agency-not-active")


async def test_any_agency_opens_a_route_for_all_known_ones(hall: Hall) -> None:
    assert (await hall.client.get("/notes", headers=bearer(hall.issuer, person(agency="dinkop-samarinda")))).is_success
    assert (await hall.client.get("/open")).is_success


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"agency": None}, "token-claims"),
        ({"roles": "programme-officer"}, "token-claims"),
        ({"regions": ["64.72'; drop"]}, "token-claims"),
        ({"regions": [""]}, "token-claims"),
        ({"sub": ""}, "token-claims"),
        ({"aud": "other"}, "token-audience"),
        ({"aud": ["other"]}, "token-audience"),
        ({"iss": "http://127.0.0.1:1"}, "token-issuer"),
        ({"exp": 1}, "token-expired"),
        ({"exp": None}, "token-claims"),
        ({"exp": True}, "token-claims"),
        ({"exp": float("inf")}, "token-claims"),
        ({"nbf": 9_000_000_000}, "token-not-yet-valid"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(hall: Hall, claims: dict[str, Any], code: str) -> None:
    assert await answer_to(hall, bearer(hall.issuer, person(), **claims)) == (401, code)


async def test_roles_that_we_do_not_know_give_nothing(hall: Hall) -> None:
    assert await answer_to(hall, bearer(hall.issuer, person(), roles=["admin"])) == (403, "role-missing")


async def test_without_regions_one_sees_nothing(hall: Hall) -> None:
    headers = bearer(hall.issuer, person(), regions=[])
    assert await answer_to(hall, headers) == (403, "region-not-yours")
    assert (await hall.client.get("/notes", headers=headers)).json() == []


def routers(*, guarded: bool, edge: bool) -> list[APIRouter]:
    inner = APIRouter(route_class=EdgeRoute if edge else APIRoute)

    if guarded:

        @inner.post("/inner")
        async def inner_guarded(_: Annotated[Caller, allows(Role.AUDITOR)]) -> None: ...
    else:

        @inner.post("/inner")
        async def inner_open() -> None: ...

    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    return [outer]


def test_an_app_with_an_undeclared_route_does_not_start(hall: Hall) -> None:
    with pytest.raises(UndeclaredRouteError, match="POST /outer/inner"):
        make_web_app("x", routers(guarded=False, edge=True), hall.deployment, http=hall.client)


def test_an_app_that_writes_beside_the_edge_does_not_start(hall: Hall) -> None:
    with pytest.raises(UndeclaredRouteError, match="not through EdgeRoute: /outer/inner"):
        make_web_app("x", routers(guarded=True, edge=False), hall.deployment, http=hall.client)


def test_a_declared_app_starts(hall: Hall) -> None:
    app = make_web_app("x", routers(guarded=True, edge=True), hall.deployment, http=hall.client)
    assert undeclared_routes(app) == []


def test_the_walk_sees_routes_that_are_added_later() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/later")(lambda: None)
    app.get("/open", dependencies=[public()])(lambda: None)
    assert undeclared_routes(app) == ["GET /later"]


def test_a_guard_without_roles_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one role"):
        allows()
