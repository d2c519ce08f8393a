"""Whether the process lives, whether it can work, and its figures. Open: they hold no figure of a person."""

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.web.deployment import DeploymentDep
from shared.web.guards import public

HEALTH_TIMEOUT_S: Final = 3.0
REQUESTS_NEED: Final = frozenset({"database", "health"})
"""Where one of these is red nothing is answered; ``health`` is the look itself, which took too long. A directory that
was not taken leaves its last good reading."""


def health_router() -> APIRouter:
    """`/livez`, `/readyz`, `/metrics`; kept out of the log of requests by the operator's choice, not by ours."""
    router = APIRouter(dependencies=[public()])
    router.add_api_route("/livez", livez, methods=["GET"], include_in_schema=False)
    router.add_api_route("/readyz", readyz, methods=["GET"], include_in_schema=False)
    router.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)
    return router


async def livez() -> dict[str, str]:
    """The process answers. Depends on nothing else: restarting us does not mend Kafka or the database."""
    return {"status": "alive"}


async def readyz(
    deployment: DeploymentDep, whatfor: Annotated[Literal["all", "requests"], Query(alias="for")] = "all"
) -> Response:
    """200 ``ready`` when every part works; else 503 with the name of each that does not.

    ``degraded`` means that requests are answered and something else is not done: without Kafka, nothing is heard and
    what is announced waits. A balancer asks ``?for=requests``, which is 200 then, so that a process with all roles goes
    on serving people.
    """
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            parts: dict[str, Any] = dict(await deployment.health())
    except TimeoutError:
        parts = {"health": f"no answer within {HEALTH_TIMEOUT_S:g} s"}
    red = {name: reason for name, reason in parts.items() if reason is not None}
    status = "ready" if not red else "not-ready" if REQUESTS_NEED & red.keys() else "degraded"
    serves = status == "ready" or (status == "degraded" and whatfor == "requests")
    body = {"status": status, "parts": {name: red.get(name, "ok") for name in parts}}
    return JSONResponse(body, 200 if serves else 503)


async def metrics(deployment: DeploymentDep) -> Response:
    """Prometheus text of this deployment's own registry."""
    return Response(generate_latest(deployment.registry), media_type=CONTENT_TYPE_LATEST)
