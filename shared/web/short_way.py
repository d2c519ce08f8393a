"""The short way of requests that gather: past the search among all routes and the framework's solving of dependencies.

Only for what is plain: a route without path parameters, whose endpoint takes a JSON body, its caller, the deployment
and ``gather``, and a body that is sound. Guard, limits, key and answer are those of EdgeRoute, which both ways go
through. Whatever else comes goes the long way, and gets its answer there.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Body
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter, ValidationError
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.deployment import give_deployment
from shared.web.edge import EdgeRoute, Handler
from shared.web.gathering import does_gather, gather_of
from shared.web.guards import Guard

Give = Callable[[Request], Awaitable[Any]]
_TAKEN_BY_THE_FRAMEWORK: Final = (
    "path_params",
    "query_params",
    "header_params",
    "cookie_params",
    "request_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
)


class NotPlain(Exception):
    """This request needs what only the framework does."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """What a plain endpoint is called with."""

    call: Callable[..., Awaitable[Response]]
    body_name: str
    body: TypeAdapter[Any]
    given: Sequence[tuple[str, Give]]

    @classmethod
    def of(cls, route: EdgeRoute) -> "_Endpoint | None":
        """None where the endpoint takes anything else, or the route gathers nothing."""
        dependant: Dependant = route.dependant
        if not iscoroutinefunction(route.endpoint) or not does_gather(dependant):
            return None
        if any(getattr(dependant, each) for each in _TAKEN_BY_THE_FRAMEWORK):
            return None
        if len(dependant.body_params) != 1 or any(not _is_plain(each) for each in dependant.dependencies):
            return None
        (body,) = dependant.body_params
        if type(body.field_info) is not Body or body.field_info.embed:
            return None
        given = tuple((each.name, each.call) for each in dependant.dependencies if each.name and each.call)
        annotation: Any = body.field_info.annotation
        return cls(route.endpoint, body.name, TypeAdapter(annotation), given)

    async def __call__(self, request: Request) -> Response:
        """The endpoint's answer. Raises NotPlain for a body that is not sound: the long way says what is wrong."""
        content = await request.body()
        try:
            body = self.body.validate_json(content)
        except ValidationError:
            body = None
        if body is None:  # raised here, and not beside the error, which holds what was sent
            raise NotPlain
        values = {name: await give(request) for name, give in self.given}
        return await self.call(**{self.body_name: body}, **values)


def _is_plain(dependency: Dependant) -> bool:
    return isinstance(dependency.call, Guard) or dependency.call in (give_deployment, gather_of)


class ShortWay:
    """Plain ASGI around the application's routes."""

    def __init__(self, app: ASGIApp, *, of: FastAPI) -> None:
        self._app = app
        self._ways: dict[tuple[str, str], ASGIApp] = {}
        for place, way in ways_of(of):
            # The first of two wins, as in the framework.
            self._ways.setdefault(place, way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self._ways.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if way is None:
            await self._app(scope, receive, send)
            return
        reading = _Reading(receive)
        if not await _is_answered(way(scope, reading.receive, send)):
            await self._app(scope, reading.again, send)


async def _is_answered(answering: Awaitable[None]) -> bool:
    try:
        await answering
    except NotPlain:
        return False
    return True


class _Reading:
    """What was read of a request, so that it can be read once more."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read: list[Message] = []

    async def receive(self) -> Message:
        message = await self._receive()
        self._read.append(message)
        return message

    async def again(self) -> Message:
        return self._read.pop(0) if self._read else await self._receive()


def ways_of(app: FastAPI) -> Iterator[tuple[tuple[str, str], ASGIApp]]:
    """The plain routes of an application, by method and path."""
    handlers: Mapping[Any, Any] = app.exception_handlers
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        # A router that is included with dependencies of its own declares more than its routes say.
        if not isinstance(route, EdgeRoute) or len(context.dependant.dependencies) != len(route.dependant.dependencies):
            continue
        endpoint = _Endpoint.of(route)
        if endpoint is None or context.path is None:
            continue
        answering = ExceptionMiddleware(_answer(route, route.handler_around(endpoint)), handlers=handlers)
        for method in context.methods or ():
            yield (method, context.path), answering


def _answer(route: EdgeRoute, handle: Handler) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"], scope["path_params"] = route, {}
        response = await handle(Request(scope, receive))
        await response(scope, receive, send)

    return answer
