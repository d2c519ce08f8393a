"""Walks all routes of an application: what each declares, and which of them declare nothing."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from shared.web.edge import SAFE_METHODS, EdgeRoute
from shared.web.guards import Guard, guard_of


class UndeclaredRouteError(Exception):
    """A route does not say who may use it. The message names each."""


def routes_of(app: FastAPI) -> Iterator[tuple[str, str, str, Guard | None]]:
    """Every route of an app: method, path, name, and what it declares. Mounted static files are no routes."""
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        for method in sorted(context.methods or ()):
            yield method, context.path or "", context.name or "", guard_of(context.dependant)


def undeclared_routes(app: FastAPI) -> list[str]:
    """The routes on which nobody said who may use them, as `GET /path`."""
    return [f"{method} {path}" for method, path, _, guard in routes_of(app) if guard is None]


def routes_beside_the_edge(app: FastAPI) -> list[str]:
    """The writing routes that EdgeRoute does not hold: they would commit nothing, keep no key and know no limit."""
    return [
        context.path or "?"
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        and not isinstance(context.original_route, EdgeRoute)
        and not set(context.methods or ()) <= SAFE_METHODS
    ]


def refuse_undeclared_routes(app: FastAPI) -> None:
    """Raises UndeclaredRouteError: deny by default, at the start and not at the first leak."""
    if undeclared := undeclared_routes(app):
        raise UndeclaredRouteError("these routes do not declare who may use them: " + ", ".join(undeclared))
    if beside := routes_beside_the_edge(app):
        raise UndeclaredRouteError("these routes write, but not through EdgeRoute: " + ", ".join(beside))
