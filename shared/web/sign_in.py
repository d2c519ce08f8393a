"""Sign-in for pages: OpenID Connect authorization code with PKCE, and the way out."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import httpx2
import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from shared.problem import Problem
from shared.security import Caller, Role, audit
from shared.texts import Locale
from shared.web.deployment import Deployment, DeploymentDep, verifier_of
from shared.web.edge import EdgeRoute, SessionDep
from shared.web.guards import allows, public
from shared.web.locale import LOCALE_COOKIE
from shared.web.page import Pages
from shared.web.sessions import begin_session, clear_cookie, end_session, sealed_cookie, set_sealed_cookie

log = structlog.get_logger(__name__)

SIGN_IN_TTL_S: Final = 600
LOCALE_TTL_S: Final = 365 * 86_400
ISSUER_TIMEOUT_S: Final = 10.0
_PURPOSE: Final = "sign-in"
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)
pages = Pages()
Anyone = Annotated[Caller, allows(*Role, any_agency=True)]
Word = Annotated[str, Query(max_length=2_000)]


@router.get("/sign-in", dependencies=[public()])
async def sign_in(request: Request, deployment: DeploymentDep, next: Word = "/") -> RedirectResponse:  # noqa: A002
    """Sends the browser to the issuer, and remembers in a sealed cookie what it must come back with."""
    begun = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "next": local_path(next),
    }
    challenge = base64.urlsafe_b64encode(hashlib.sha256(begun["verifier"].encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": deployment.settings.oidc_client_id,
        "redirect_uri": _return_address(deployment),
        "scope": "openid",
        "state": begun["state"],
        "nonce": begun["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    endpoint = (await _configuration(request, deployment))["authorization_endpoint"]
    response = RedirectResponse(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", 303)
    set_sealed_cookie(response, deployment, _PURPOSE, begun, max_age_s=SIGN_IN_TTL_S)
    return response


@router.get("/sign-in/return", dependencies=[public()])
async def come_back(
    request: Request, deployment: DeploymentDep, session: SessionDep, code: Word = "", state: Word = ""
) -> RedirectResponse:
    """Exchanges the issuer's code for a token, and the token for a page session."""
    begun = sealed_cookie(request, _PURPOSE)
    if begun is None or not code or not hmac.compare_digest(state.encode(), str(begun["state"]).encode()):
        raise Problem("sign-in-failed", status=400)
    answer = await _exchange(request, deployment, code, begun["verifier"])
    caller, ends_at = await verifier_of(request).verify_dated(str(answer.get("access_token", "")))
    named = await verifier_of(request).signed_claims(
        str(answer.get("id_token", "")), deployment.settings.oidc_client_id
    )
    if named.get("nonce") != begun["nonce"] or named.get("sub") != caller.subject:
        raise Problem("sign-in-failed", status=400)
    await audit(session, caller, "sign_in")
    response = RedirectResponse(begun["next"], 303)
    begin_session(response, deployment, caller, ends_at)
    clear_cookie(response, deployment, _PURPOSE)
    return response


@router.post("/sign-out")
async def sign_out(_: Anyone, deployment: DeploymentDep) -> RedirectResponse:
    """Ends the page session. The issuer's own session is the issuer's business."""
    response = RedirectResponse("/signed-out", 303)
    end_session(response, deployment)
    return response


@router.get("/signed-out", dependencies=[public()])
async def signed_out(request: Request) -> HTMLResponse:
    """Where one stands after signing out."""
    return pages.render(request, "signed_out.html")


@router.get("/language/{locale}", dependencies=[public()])
async def choose_language(locale: Locale, next: Word = "/") -> RedirectResponse:  # noqa: A002
    """Remembers the language of this browser."""
    response = RedirectResponse(local_path(next), 303)
    response.set_cookie(LOCALE_COOKIE, locale, max_age=LOCALE_TTL_S, httponly=True, samesite="lax")
    return response


def local_path(path: str) -> str:
    """The path when it stays on this site, else the front page: no link may lead people elsewhere after sign-in."""
    return path if _LOCAL_PATH.fullmatch(path) else "/"


async def _exchange(request: Request, deployment: Deployment, code: str, verifier: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _return_address(deployment),
        "client_id": deployment.settings.oidc_client_id,
        "code_verifier": verifier,
    }
    client: httpx2.AsyncClient = request.app.state.http
    endpoint = (await _configuration(request, deployment))["token_endpoint"]
    try:
        answer = await client.post(endpoint, data=form, timeout=ISSUER_TIMEOUT_S)
        tokens: dict[str, Any] = answer.raise_for_status().json()
    except (httpx2.HTTPError, ValueError) as error:
        log.warning("sign-in.refused-by-issuer", error=type(error).__name__)
        raise Problem("sign-in-failed", status=400) from None
    return tokens


async def _configuration(request: Request, deployment: Deployment) -> dict[str, Any]:
    """The issuer's endpoints, asked once. They must be the issuer's own word about itself."""
    known: dict[str, Any] | None = getattr(request.app.state, "oidc_configuration", None)
    if known is not None:
        return known
    client: httpx2.AsyncClient = request.app.state.http
    issuer = deployment.settings.oidc_issuer
    try:
        answer = await client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=ISSUER_TIMEOUT_S)
        found: dict[str, Any] = answer.raise_for_status().json()
    except (httpx2.HTTPError, ValueError):
        raise Problem("token-keys-unavailable", status=503, headers={"Retry-After": "30"}) from None
    if found.get("issuer") != issuer or not {"authorization_endpoint", "token_endpoint"} <= found.keys():
        raise Problem("sign-in-failed", status=400)
    request.app.state.oidc_configuration = found
    return found


def _return_address(deployment: Deployment) -> str:
    return f"{deployment.settings.public_url.rstrip('/')}/sign-in/return"
