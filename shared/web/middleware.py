"""Around every request: a correlation id, security headers, and a log line without query or people."""

import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import structlog
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.messaging.causes import correlation
from shared.messaging.ids import new_id, read_id
from shared.messaging.metrics import HttpMetrics
from shared.web.deployment import Deployment
from shared.web.problems import unexpected

log = structlog.get_logger(__name__)

CORRELATION_HEADER: Final = "X-Correlation-Id"
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=()",
}
NOT_STORED: Final = {"Cache-Control": "no-store"}
"""Unless a route says otherwise, as the one of static files does."""
_CORRELATION_NAME: Final = CORRELATION_HEADER.lower().encode()
HSTS: Final = "max-age=31536000; includeSubDomains"


def install_middleware(app: FastAPI, deployment: Deployment) -> None:
    hsts = deployment.settings.mode == "production"
    app.add_middleware(RequestFrame, hsts=hsts, metrics=deployment.http_metrics)


class RequestFrame:
    """Plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, *, hsts: bool, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics
        wanted = {**SECURITY_HEADERS, **({"Strict-Transport-Security": HSTS} if hsts else {}), **NOT_STORED}
        # As they go over the wire, once for all answers.
        self._headers = [(name.lower().encode(), value.encode()) for name, value in wanted.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope["headers"])
        written = scope.setdefault("state", {})["correlation_id"] = str(correlation_id)
        began, status, started = time.perf_counter(), 0, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                given = message["headers"] = list(message["headers"])
                stated = {name for name, _ in given}
                given.append((_CORRELATION_NAME, written.encode()))
                given += [header for header in self._headers if header[0] not in stated]
            await send(message)

        with correlation(correlation_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception as error:
                answer = await unexpected(Request(scope), error)
                if started:
                    raise
                await answer(scope, receive, send_with_headers)
            finally:
                # The route's pattern and not the path: a path may hold what somebody typed into it.
                route = getattr(scope.get("route"), "path_format", None)
                took = time.perf_counter() - began
                self._metrics.answered(scope["method"], route, status, took)
                took_ms = round(took * 1_000, 1)
                log.info("request.answered", method=scope["method"], route=route, status=status, took_ms=took_ms)


def _correlation_id(headers: Iterable[tuple[bytes, bytes]]) -> UUID:
    given = next((value for name, value in headers if name == _CORRELATION_NAME), b"")
    return (read_id(given.decode("latin-1")) if given else None) or new_id()
