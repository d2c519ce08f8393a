"""Every route of every service says who may use it, writes only through the edge, and stands in docs/roles.md."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from shared.security.roles_page import page_of_roles
from shared.service import Service
from shared.web import undeclared_routes
from shared.web.app import include_routers
from shared.web.declared import routes_beside_the_edge, routes_of

SERVICES = ("intake", "notifications", "programs", "verification")
OPEN = {"/livez", "/readyz", "/metrics", "/sign-in", "/sign-in/return", "/signed-out", "/language/{locale}"}


def routers_of(name: str) -> Sequence[APIRouter]:
    service: Service = importlib.import_module(f"services.{name}.app").SERVICE
    return service.routes


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest) -> FastAPI:
    made = FastAPI(openapi_url=None)
    include_routers(made, routers_of(request.param))
    return made


def test_no_route_is_undeclared(app: FastAPI) -> None:
    assert undeclared_routes(app) == []


def test_no_route_writes_beside_the_edge(app: FastAPI) -> None:
    assert routes_beside_the_edge(app) == []


def test_nothing_else_is_open(app: FastAPI) -> None:
    opened = {path for _, path, _, guard in routes_of(app) if guard is None or guard.public}
    # A service's own style sheets and scripts, which hold nothing of anybody.
    assert {path for path in opened if not re.match(r"/[a-z]+-assets/", path)} <= OPEN


def test_the_page_of_roles_is_what_the_routes_say() -> None:
    page = page_of_roles({name: routers_of(name) for name in SERVICES})
    assert Path("docs/roles.md").read_text(encoding="utf-8") == page, "write it anew: tuntas roles-page"
