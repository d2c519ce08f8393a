"""Page sessions: an encrypted cookie that says who signed in, and ends when the token would have ended."""

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from fastapi import Request, Response

from shared.problem import Problem
from shared.security import Caller, Role, VaultError
from shared.web.deployment import Deployment, deployment_of

COOKIE_BYTES_MAX: Final = 3_900
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "_csrf"
_PURPOSE: Final = "page-session"


@dataclass(frozen=True, slots=True)
class PageSession:
    """Who signed in on this deployment's pages, until when (Unix time), and the secret of its forms."""

    caller: Caller
    ends_at: int
    csrf: str


def begin_session(response: Response, deployment: Deployment, caller: Caller, ends_at: int) -> None:
    """Signs the caller in with this response."""
    told = {
        "sub": caller.subject,
        "agency": caller.agency,
        "roles": sorted(caller.roles),
        "regions": caller.regions,
        "name": caller.name,
        "exp": ends_at,
        "csrf": secrets.token_urlsafe(24),
    }
    set_sealed_cookie(response, deployment, _PURPOSE, told, max_age_s=max(0, ends_at - int(time.time())))


def end_session(response: Response, deployment: Deployment) -> None:
    """Signs out with this response."""
    clear_cookie(response, deployment, _PURPOSE)


def session_of_page(request: Request) -> PageSession | None:
    """The session that the request's cookie carries; None without one, or one that is damaged or over."""
    told = sealed_cookie(request, _PURPOSE)
    if told is None or told["exp"] <= time.time():
        return None
    # Another release of this deployment may know other roles.
    roles = frozenset(role for role in Role if role.value in told["roles"])
    caller = Caller(told["sub"], told["agency"], roles, tuple(told["regions"]), told["name"])
    return PageSession(caller, told["exp"], told["csrf"])


def check_form_origin(request: Request, form: Any) -> None:
    """Raises 403 `csrf` when a write comes with a page session but not from one of our pages."""
    session: PageSession | None = getattr(request.state, "page_session", None)
    if session is None:
        return
    sent = request.headers.get(CSRF_HEADER) or (form.get(CSRF_FIELD) if form is not None else None)
    is_ours = isinstance(sent, str) and hmac.compare_digest(sent.encode(), session.csrf.encode())
    if not is_ours or not _comes_from_here(request):
        raise Problem("csrf", status=403)


def _comes_from_here(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def set_sealed_cookie(
    response: Response, deployment: Deployment, purpose: str, value: dict[str, Any], *, max_age_s: int
) -> None:
    """A cookie that only this deployment can read or make. Raises ValueError for what a browser would not keep."""
    sealed = urlsafe_b64encode(deployment.vault.seal(purpose, orjson.dumps(value))).decode()
    if len(sealed) > COOKIE_BYTES_MAX:
        raise ValueError(f"cookie {purpose} is too large")
    response.set_cookie(
        cookie_name(deployment, purpose),
        sealed,
        max_age=max_age_s,
        path="/",
        secure=deployment.settings.mode == "production",
        httponly=True,
        samesite="lax",
    )


def sealed_cookie(request: Request, purpose: str) -> dict[str, Any] | None:
    """What a sealed cookie holds; None without one, or one that we did not make."""
    deployment = deployment_of(request)
    sent = request.cookies.get(cookie_name(deployment, purpose))
    if not sent:
        return None
    try:
        value: dict[str, Any] = orjson.loads(deployment.vault.open(purpose, urlsafe_b64decode(sent)))
    except (VaultError, ValueError):
        return None
    return value


def clear_cookie(response: Response, deployment: Deployment, purpose: str) -> None:
    response.delete_cookie(
        cookie_name(deployment, purpose),
        path="/",
        secure=deployment.settings.mode == "production",
        httponly=True,
        samesite="lax",
    )


def cookie_name(deployment: Deployment, purpose: str) -> str:
    """Each deployment has names of its own: browsers share cookies between the ports of one host."""
    prefix = "__Host-" if deployment.settings.mode == "production" else ""
    return f"{prefix}tuntas-{deployment.service}-{deployment.agency}-{purpose}"
