"""Every error leaves as problem details (RFC 9457) in the reader's language, and says nothing that was sent."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from shared.messaging.failures import is_infrastructure
from shared.problem import Problem
from shared.web.findings import problem_of
from shared.web.locale import locale_of

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_OF_THE_DATABASE: Final = (
    DBAPIError,
    PoolTimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
)
"""Not OSError as such: a missing file is a fault of ours, and waiting does not mend it."""

Render = Callable[[Request, Problem], Response]


def install_problem_handlers(app: FastAPI) -> None:
    """Installs the answer to every kind of error that is foreseen; RequestFrame answers the others by `unexpected`."""
    answers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        **dict.fromkeys(_OF_THE_DATABASE, _database),
    }
    for error, answer in answers.items():
        app.add_exception_handler(error, answer)


def respond(request: Request, problem: Problem) -> Response:
    """The problem as JSON; pages replace it by a page where a person is reading."""
    render: Render | None = getattr(request.app.state, "render_problem", None)
    if render is not None and _is_read_by_a_person(request):
        return render(request, problem)
    locale = locale_of(request)
    headers = {**problem.headers, "Content-Language": locale, "Cache-Control": "no-store"}
    return Response(orjson.dumps(problem.to_json(locale)), problem.status, headers=headers, media_type=MEDIA_TYPE)


async def _problem(request: Request, problem: Problem) -> Response:
    log.info("request.refused", code=problem.code, status=problem.status)
    return respond(request, problem)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    return await _problem(request, problem_of(error.errors(), locale_of(request)))


async def _http(request: Request, error: HTTPException) -> Response:
    return await _problem(request, _of_status(request, error))


async def _database(request: Request, error: Exception) -> Response:
    if not is_infrastructure(error):
        return await unexpected(request, error)
    log.warning("request.database-unavailable", error=type(error).__name__)
    return respond(request, Problem("try-again", status=503, headers={"Retry-After": "5"}))


async def unexpected(request: Request, error: Exception) -> Response:
    """The answer to an error that nobody foresaw."""
    # The message of an exception may hold a row or a parameter: only its type and place are logged.
    log.error("request.failed", error=type(error).__name__, place=_place(error), route=_route_of(request))
    correlation_id = getattr(request.state, "correlation_id", "-")
    return respond(request, Problem("internal", status=500, correlation_id=correlation_id))


def _of_status(request: Request, error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return Problem("not-found", status=404)
    if error.status_code == 405:
        return Problem("method-not-allowed", status=405, headers=headers, method=request.method)
    if error.status_code == 400:
        return Problem("body-unreadable", status=400)
    return Problem("refused", status=error.status_code, headers=headers)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def _route_of(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path_format", "?"))


def _is_read_by_a_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and "authorization" not in request.headers
