"""The edge of HTTP: the only place that commits. One transaction per request, and no answer before it stands."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import Depends, Request, Response, params
from fastapi.routing import APIRoute
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.problem import Problem
from shared.security import Caller, audit
from shared.web import idempotency, requests
from shared.web.deployment import deployment_of
from shared.web.gathering import Turn, does_gather
from shared.web.guards import does_only_look, guard_of
from shared.web.sessions import check_form_origin

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CODE: Final = re.compile(r"(?!.*\d{9})[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What may stand in an audit row besides UUIDs: codes. Nothing with a long run of digits is one."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Work = Callable[[], Awaitable[Response]]
Commit = Callable[[], Awaitable[None]]


class EdgeRoute(APIRoute):
    """Route class of every router.

    In this order: who is asking and whether they may (before the body is read); the shape of the body; for writes the
    `Idempotency-Key`; the endpoint; the audit row; the commit, which numbers what was announced. Any error rolls back
    all of it, except at a route that only looks: what a refused look recorded stays. An endpoint that gathers
    (shared/web/gathering.py) leaves audit, answer and commit to the transaction that it shares. `max_body_size=` at a
    route (bytes) takes the place of the deployment's limit.
    """

    def __init__(self, *args: Any, max_body_size: int | None = None, **kwargs: Any) -> None:
        # The framework's own limiter answers in plain text; ours is below, and answers with a problem.
        self.body_bytes_max = max_body_size
        super().__init__(*args, **kwargs)

    def get_route_handler(self) -> Handler:
        return self.handler_around(super().get_route_handler())

    def handler_around(self, call: Handler) -> Handler:
        """The edge around what calls the endpoint: the framework, or the short way (shared/web/short_way.py)."""
        guard = guard_of(self.dependant)
        kind = _Kind.of(self)

        async def handle(request: Request) -> Response:
            caller = None if guard is None else await guard(request)
            requests.check_address(request)
            request = requests.limited(request, self.body_bytes_max or deployment_of(request).settings.body_bytes_max)
            if request.method in SAFE_METHODS:
                return await _read(request, call)
            return await _write(request, call, self, kind, caller)

        return handle


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a route declares, found out once."""

    expects_body: bool
    takes_form: bool
    only_looks: bool
    gathers: bool

    @classmethod
    def of(cls, route: APIRoute) -> "_Kind":
        field = route.body_field
        return cls(
            expects_body=field is not None,
            takes_form=field is not None and isinstance(field.field_info, params.Form),
            only_looks=does_only_look(route.dependant),
            gathers=does_gather(route.dependant),
        )


async def _read(request: Request, call: Handler) -> Response:
    async with deployment_of(request).sessions() as session:
        request.state.session = session
        answer = await call(request)
        # Reading commits too: a look at an identity leaves its audit row.
        if session.in_transaction() and answer.status_code < 400:
            await deployment_of(request).kernel.commit(session)
        return answer


async def _write(request: Request, call: Handler, route: APIRoute, kind: _Kind, caller: Caller | None) -> Response:
    deployment = deployment_of(request)
    form = await _read_body(request, kind)
    check_form_origin(request, form)
    principal = caller.principal if caller else "public"
    key = idempotency.parse_key(request.headers.get("idempotency-key") or _form_key(form))
    digest = await requests.digest_of(request, deployment.vault, form=form)
    claim = idempotency.Claim(principal, f"{request.method} {route.path_format}"[:200], key, digest)
    if caller is not None and kind.gathers:
        request.state.turn = Turn(claim, caller, route.name, route.status_code or 200)
        return await call(request)
    async with deployment.sessions() as session:
        request.state.session = session

        async def work() -> Response:
            answer = await call(request)
            if caller is not None and answer.status_code < 400:
                await audit(session, caller, route.name, _subjects(request, answer))
            return answer

        if kind.only_looks:
            return await _look(session, work, lambda: deployment.kernel.commit(session))
        answers: idempotency.Answers = request.app.state.answers
        return await answers.once(session, claim, work, lambda: deployment.kernel.commit(session))


async def _look(session: AsyncSession, work: Work, commit: Commit) -> Response:
    """A look stays in the audit also where it is refused or finds nobody: whoever probes is seen."""
    try:
        answer = await work()
    except Problem:
        if session.in_transaction():
            await commit()
        raise
    if answer.status_code < 400:
        await commit()
    return answer


async def _read_body(request: Request, kind: _Kind) -> Any:
    """Reads and checks the body; FastAPI then finds it read. Gives the form where the route takes one."""
    if kind.expects_body and request.headers.get("content-length") != "0":
        requests.check_content_type(request, takes_form=kind.takes_form)
    if kind.takes_form or (not kind.expects_body and requests.has_form(request)):
        form = await request.form(max_files=requests.FILES_MAX, max_fields=requests.FIELDS_MAX)
        requests.check_form_text(form)
        return form
    requests.check_json_text(await request.body())
    return None


def _form_key(form: Any) -> str | None:
    key = form.get(requests.KEY_FIELD) if form is not None else None
    return key if isinstance(key, str) else None


def _subjects(request: Request, answer: Response) -> dict[str, str]:
    """Ids and codes of what was written: from the path, and the ids that the answer's JSON names at its top."""
    subjects = {name: str(value) for name, value in request.path_params.items() if _is_id_or_code(str(value))}
    if answer.headers.get("content-type", "").startswith("application/json"):
        told = orjson.loads(bytes(answer.body) or b"null")
        named = told.items() if isinstance(told, dict) else ()
        subjects |= {
            name: value
            for name, value in named
            if (name == "id" or name.endswith("_id")) and isinstance(value, str) and _is_uuid(value)
        }
    return {**subjects, **getattr(request.state, "audit_subjects", {})}


def _is_id_or_code(value: str) -> bool:
    return _is_uuid(value) or _CODE.fullmatch(value) is not None


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


async def session_of(request: Request) -> AsyncSession:
    """The request's session. It opens its transaction at the first statement; only the edge commits it."""
    session: AsyncSession | None = getattr(request.state, "session", None)
    if session is None:
        raise RuntimeError("sessions are given by EdgeRoute: make the router with route_class=EdgeRoute")
    return session


SessionDep = Annotated[AsyncSession, Depends(session_of)]
