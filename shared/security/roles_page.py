"""Writes docs/roles.md from the routes themselves, so that the page cannot say anything else than the code does."""

from collections.abc import Iterator, Mapping, Sequence

from fastapi import APIRouter, FastAPI

from shared.security.roles import Role
from shared.web.app import include_routers
from shared.web.declared import routes_of
from shared.web.guards import Guard

_HEAD = """# Who may use which route

Generated from the routes by `tuntas roles-page`; a test compares. A route that declares nothing keeps its service from
starting. On top of what stands here every answer and every write is held to the caller's region subtrees. *own* means
callers of the deployment's own agency, *any* also those of other active agencies.

"""


def render(apps: Mapping[str, FastAPI]) -> str:
    """The page for applications by the name of their service."""
    parts = [_HEAD, *_legend()]
    for name in sorted(apps):
        parts += [f"\n## {name}\n\n", "| route | action | roles | agency |\n|---|---|---|---|\n", *_rows(apps[name])]
    return "".join(parts)


def page_of_roles(services: Mapping[str, Sequence[APIRouter]]) -> str:
    """The page for the routers of services by name; no deployment is needed."""
    apps = {name: FastAPI(openapi_url=None) for name in services}
    for name, app in apps.items():
        include_routers(app, services[name])
    return render(apps)


def _legend() -> Iterator[str]:
    yield "| role | in Indonesian | in English |\n|---|---|---|\n"
    for role in Role:
        yield f"| `{role.value}` | {role.title_in('id')} | {role.title_in('en')} |\n"


def _rows(app: FastAPI) -> Iterator[str]:
    for method, path, name, guard in sorted(routes_of(app), key=lambda route: (route[1], route[0])):
        yield f"| `{method} {path}` | {name} | {_roles(guard)} | {_agency(guard)} |\n"


def _roles(guard: Guard | None) -> str:
    if guard is None:
        return "**undeclared**"
    if guard.public:
        return "everyone, not signed in"
    if guard.roles == frozenset(Role):
        return "all roles"
    return ", ".join(role.value for role in Role if role in guard.roles)


def _agency(guard: Guard | None) -> str:
    if guard is None or guard.public:
        return "-"
    return "any" if guard.any_agency else "own"
