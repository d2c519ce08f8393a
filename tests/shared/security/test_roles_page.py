"""The page of roles says what the routes say."""

from typing import Annotated

from fastapi import APIRouter, FastAPI

from shared.security import Caller, Role
from shared.security.roles_page import render
from shared.web import EdgeRoute, allows, public


def an_app() -> FastAPI:
    router = APIRouter(prefix="/things", route_class=EdgeRoute)

    @router.post("/{thing_id}")
    async def change_thing(_: Annotated[Caller, allows(Role.PAYMENT_CHECKER, Role.PAYMENT_MAKER)]) -> None: ...

    @router.get("")
    async def read_things(_: Annotated[Caller, allows(*Role, any_agency=True)]) -> None: ...

    @router.get("/open", dependencies=[public()])
    async def look() -> None: ...

    app = FastAPI(openapi_url=None)
    app.include_router(router)
    app.get("/forgotten")(look)
    return app


def test_each_route_stands_with_its_roles_and_agency_rule() -> None:
    rows = [line for line in render({"things": an_app()}).splitlines() if "` |" in line and "/" in line.split("|")[1]]
    assert rows == [
        "| `GET /forgotten` | look | **undeclared** | - |",
        "| `GET /things` | read_things | all roles | any |",
        "| `GET /things/open` | look | everyone, not signed in | - |",
        "| `POST /things/{thing_id}` | change_thing | payment-maker, payment-checker | own |",
    ]


def test_the_page_explains_every_role() -> None:
    assert all(f"| `{role.value}` |" in render({}) for role in Role)
