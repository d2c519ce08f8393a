"""Finds out who is asking: a bearer token, or the session of a person signed in on pages."""

from fastapi import Request

from shared.problem import Problem
from shared.security import Caller
from shared.web.deployment import verifier_of
from shared.web.sessions import session_of_page


async def authenticate(request: Request) -> Caller:
    """The caller; a bearer token goes before a session. Raises 401 `token-missing` or another coded 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return await verifier_of(request).verify(token.strip())
    session = session_of_page(request)
    if session is None:
        raise Problem("token-missing", status=401, headers={"WWW-Authenticate": 'Bearer realm="tuntas"'})
    request.state.page_session = session
    return session.caller
