"""The page shell: templates of a service inside one frame, in the reader's language, with the signs of who reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.problem import Problem
from shared.security import Caller, Role
from shared.texts import LOCALES, text
from shared.texts.formats import day, moment, number, rupiah
from shared.web.deployment import deployment_of
from shared.web.locale import locale_of
from shared.web.requests import KEY_FIELD
from shared.web.sessions import CSRF_FIELD, PageSession, session_of_page

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
YEAR_S: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation: where it leads, and the code of its text."""

    url: str
    text: str


_PARKED: Final = Link("/parked", "nav.parked")
"""Every service has this screen; only operators have something to do there."""


class Pages:
    """Renders the templates of one service, each of which extends `shell.html`.

    In a service's pages.py: `pages = Pages(Path(__file__).with_name("templates"), nav=[Link("/board", "nav.board")])`.
    """

    def __init__(self, templates: Path | None = None, nav: Sequence[Link] = ()) -> None:
        folders = [HERE / "templates"] if templates is None else [templates, HERE / "templates"]
        self._nav = tuple(nav)
        self._environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(
        self, request: Request, template: str, status: int = 200, block: str | None = None, **values: Any
    ) -> HTMLResponse:
        """A page, or with `block` only that block of it, for htmx to put in place.

        Templates find `t(code, …)`, `rupiah(…)`, `number(…)`, `day(…)`, `moment(…)`, `caller`, `locale`, and
        `form_frame()`: the hidden fields that every form which writes must carry.
        """
        page = self._environment.get_template(template)
        context = {**self._context(request), **values}
        html = page.render(context) if block is None else "".join(page.blocks[block](page.new_context(context)))
        headers = {"Content-Language": context["locale"], "Vary": "Cookie, Accept-Language, HX-Request"}
        return HTMLResponse(html, status, headers=headers)

    def _context(self, request: Request) -> dict[str, Any]:
        locale, deployment = locale_of(request), deployment_of(request)
        session: PageSession | None = getattr(request.state, "page_session", None) or session_of_page(request)
        caller: Caller | None = getattr(request.state, "caller", None) or (session.caller if session else None)
        directory = deployment.directory.current()
        agency = deployment.agency
        return {
            "t": lambda code, /, **values: text(code, locale, **values),
            "rupiah": partial(rupiah, locale=locale),
            "number": partial(number, locale=locale),
            "day": partial(day, locale=locale),
            "moment": partial(moment, locale=locale),
            "locale": locale,
            "locales": LOCALES,
            "caller": caller,
            "signed_in": session is not None,
            "csrf": session.csrf if session else "",
            "form_frame": lambda: _form_frame(session),
            "nav": (*self._nav, *((_PARKED,) if caller and Role.OPERATOR in caller.roles else ())),
            "here": request.url.path,
            "here_query": quote(f"{request.url.path}?{request.url.query}".rstrip("?"), safe="/"),
            "agency_name": directory.agency(agency).name if directory.knows(agency) else agency,
            "service_name": text(f"service.{deployment.service}", locale),
            "mode": deployment.settings.mode,
            "static": static_url,
        }


class VersionedFiles(StaticFiles):
    """Our static files. What is asked for with its version never changes, so browsers may keep it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = scope.get("query_string", b"").startswith(b"v=") and response.status_code in {200, 304}
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable" if versioned else "no-cache"
        return response


def _form_frame(session: PageSession | None) -> Markup:
    """Where a form comes from, and the key that keeps a second click from writing twice."""
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return field.format(CSRF_FIELD, session.csrf if session else "") + field.format(KEY_FIELD, uuid4())


@cache
def static_url(path: str) -> str:
    """The address of a static file with its version."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


_pages = Pages()


def render_problem(request: Request, problem: Problem) -> Response:
    """A problem for a person: the way to sign in where that is what is missing, else a page that says what to do."""
    if problem.status == 401 and request.method in {"GET", "HEAD"}:
        address = f"/sign-in?next={quote(str(request.url.path), safe='/')}"
        return RedirectResponse(address, 303)
    told = problem.to_json(locale_of(request))
    block = "content" if request.headers.get("hx-request") else None
    response = _pages.render(request, "problem.html", problem.status, block, problem=told)
    response.headers.update(problem.headers)
    return response
