"""Who may use a route: `caller: Annotated[Caller, allows(Role.PROGRAMME_OFFICER)]`.

Every route declares it in its signature; one that declares nothing keeps the app from starting.
"""

from typing import Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from shared.directory import AgencyStatus
from shared.problem import Problem
from shared.security import Caller, Role
from shared.web.authentication import authenticate
from shared.web.deployment import deployment_of
from shared.web.locale import locale_of


class Guard:
    """A declaration: these roles of the own agency, or of any agency, or (public) everyone."""

    def __init__(self, roles: frozenset[Role], *, any_agency: bool, public: bool) -> None:
        self.roles = roles
        self.any_agency = any_agency
        self.public = public

    async def __call__(self, request: Request) -> Caller | None:
        """The caller, checked once per request. Raises 401 without a valid token, 403 where the right is missing."""
        if self.public:
            return None
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            caller = await authenticate(request)
            self._check(request, caller)
            request.state.caller = caller
        return caller

    def _check(self, request: Request, caller: Caller) -> None:
        deployment = deployment_of(request)
        if caller.agency != deployment.agency and not self.any_agency:
            raise Problem("other-agency", status=403, agency=caller.agency)
        directory = deployment.directory.current()
        if not directory.knows(caller.agency) or directory.agency(caller.agency).status is not AgencyStatus.ACTIVE:
            raise Problem("agency-not-active", status=403, agency=caller.agency)
        if not self.roles & caller.roles:
            titles = ", ".join(role.title_in(locale_of(request)) for role in Role if role in self.roles)
            raise Problem("role-missing", status=403, roles=titles)


def allows(*roles: Role, any_agency: bool = False) -> Any:
    """For `Annotated[Caller, …]`: callers of this deployment's agency (or of any) who hold one of the roles."""
    if not roles:
        raise ValueError("a guard names at least one role; use public() for open routes")
    return Depends(Guard(frozenset(roles), any_agency=any_agency, public=False))


def public() -> Any:
    """For `dependencies=[public()]`: open to everyone, such as sign-in. It may not hold anything of a household."""
    return Depends(Guard(frozenset(), any_agency=True, public=True))


def only_looks() -> Any:
    """For `dependencies=[only_looks()]` at a POST that only looks, such as a search by name.

    It may tell who people are, so its answer is not kept: a repetition looks again, and is recorded again. What it
    recorded stays also where it raises a Problem; it writes nothing but audit rows.
    """
    return Depends(_only_looks)


def does_only_look(dependant: Dependant) -> bool:
    """Whether a route declares that it only looks."""
    return any(dependency.call is _only_looks for dependency in dependant.dependencies)


async def _only_looks() -> None:
    return None


def guard_of(dependant: Dependant) -> Guard | None:
    """The guard that a route declares, directly or through a dependency."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Guard):
            return dependency.call
        found = guard_of(dependency)
        if found is not None:
            return found
    return None
