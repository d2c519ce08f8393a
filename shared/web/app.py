"""Makes the web application of a deployment: everything of this package installed, and nothing undeclared."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import httpx2
from fastapi import APIRouter, FastAPI

from shared.security.tokens import Issuer, TokenVerifier
from shared.web.declared import refuse_undeclared_routes
from shared.web.deployment import Deployment
from shared.web.gathering import Gathering
from shared.web.health import health_router
from shared.web.housekeeping import keep_house
from shared.web.idempotency import Answers
from shared.web.middleware import install_middleware
from shared.web.page import STATIC, VersionedFiles, render_problem
from shared.web.parked import router as parked_router
from shared.web.parked_pages import router as parked_pages_router
from shared.web.problems import install_problem_handlers
from shared.web.short_way import ShortWay
from shared.web.sign_in import router as sign_in_router

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def make_web_app(
    title: str,
    routers: Sequence[APIRouter],
    deployment: Deployment,
    *,
    lifespan: Lifespan | None = None,
    http: httpx2.AsyncClient | None = None,
) -> FastAPI:
    """The application of one deployment.

    Raises UndeclaredRouteError when a route does not say who may use it. `http` is the client for the issuer's keys
    and sign-in; one is made, and closed with the application, when none is given.
    """
    settings = deployment.settings
    client = http or issuer_client()

    @asynccontextmanager
    async def whole_lifespan(app: FastAPI) -> AsyncIterator[None]:
        housekeeping = asyncio.create_task(keep_house(deployment), name="housekeeping")
        try:
            async with lifespan(app) if lifespan else nullcontext():
                yield
        finally:
            housekeeping.cancel()
            if http is None:
                await client.aclose()

    app = FastAPI(
        title=title,
        lifespan=whole_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # The framework's own would export messages of exceptions, which may quote a row; metrics and logs are ours.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.deployment = deployment
    app.state.tokens = TokenVerifier(
        [Issuer(settings.oidc_issuer, settings.oidc_jwks_url)], settings.oidc_audience, client
    )
    app.state.http = client
    app.state.answers = Answers(deployment.vault)
    app.state.gathering = Gathering(deployment, app.state.answers)
    install_problem_handlers(app)
    include_routers(app, routers)
    app.add_middleware(ShortWay, of=app)
    install_middleware(app, deployment)
    app.mount("/static", VersionedFiles(directory=STATIC), name="static")
    app.state.render_problem = render_problem
    refuse_undeclared_routes(app)
    return app


def issuer_client() -> httpx2.AsyncClient:
    """The client for the issuer: a connection for each request.

    A kept one may be closed by the issuer in the moment in which it is used again, and a sign-in's code, which serves
    once, cannot be sent a second time to see whether it arrived.
    """
    return httpx2.AsyncClient(follow_redirects=False, limits=httpx2.Limits(max_keepalive_connections=0))


def include_routers(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """A service's routes and those that every deployment has; also without a deployment, for the page of roles."""
    # A process without routes of its own serves probes only: its deployment's screens are elsewhere.
    parked = (parked_router, parked_pages_router) if routers else ()
    for router in (health_router(), sign_in_router, *routers, *parked):
        app.include_router(router)
