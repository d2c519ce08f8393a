"""The issuer's HTTP side: discovery, keys, a page that asks "as whom?", and the token endpoint."""

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field

from local.issuer.issuer import ALGORITHM, PAGES_CLIENT, Issuer, is_loopback
from local.people import UnknownPersonError

# Browsers hold a form's redirects against form-action too, and the pages live on other ports of this machine.
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http://127.0.0.1:* http://localhost:*; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)


class Asked(BaseModel):
    """An authorization request. Only the code flow with PKCE (S256), and only back to this machine."""

    response_type: str = Field(pattern=r"^code$")
    client_id: str = Field(pattern=f"^{PAGES_CLIENT}$")
    redirect_uri: str = Field(max_length=300)
    code_challenge: str = Field(min_length=43, max_length=128)
    code_challenge_method: str = Field(pattern=r"^S256$")
    state: str = Field("", max_length=300)
    nonce: str | None = Field(None, max_length=300)
    scope: str = Field("openid", max_length=200)


class Chosen(Asked):
    subject: str


class TokenWanted(BaseModel):
    grant_type: str
    client_id: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""


def make_issuer_app(issuer: Issuer) -> FastAPI:
    """The issuer as an ASGI application; it runs inside the demo's process or in a test."""
    app = FastAPI(title="Tuntas: sign-in on a laptop", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return _configuration(issuer)

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return issuer.key_set()

    @app.get("/authorize")
    def choose(asked: Annotated[Asked, Query()]) -> HTMLResponse:
        _check_return(asked.redirect_uri)
        by_agency = groupby(issuer.people.people(), key=lambda person: person.agency)
        agencies = [(agency, list(those)) for agency, those in by_agency]
        page = _pages.get_template("choose.html").render(agencies=agencies, asked=asked.model_dump(exclude_none=True))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})

    @app.post("/authorize")
    def sign_in(chosen: Annotated[Chosen, Form()]) -> RedirectResponse:
        _check_return(chosen.redirect_uri)
        try:
            code = issuer.begin(chosen.subject, chosen.redirect_uri, chosen.code_challenge, chosen.nonce)
        except UnknownPersonError:
            raise HTTPException(400, "unknown person") from None
        answer = urlencode({"code": code, "state": chosen.state, "iss": issuer.url})
        joint = "&" if "?" in chosen.redirect_uri else "?"
        return RedirectResponse(f"{chosen.redirect_uri}{joint}{answer}", 303)

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = await request.form()
        wanted = TokenWanted.model_validate({name: value for name, value in form.items() if isinstance(value, str)})
        answer = _grant(issuer, wanted)
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(answer or {"error": "invalid_grant"}, 200 if answer else 400, headers=headers)

    return app


def _grant(issuer: Issuer, wanted: TokenWanted) -> dict[str, Any] | None:
    if wanted.grant_type == "authorization_code":
        return issuer.exchange(wanted.code, wanted.redirect_uri, wanted.code_verifier)
    if wanted.grant_type == "client_credentials":
        # On a laptop the subject is enough: scripts and tests sign in as whom they name.
        try:
            return issuer.answer(wanted.client_id)
        except UnknownPersonError:
            return None
    return None


def _check_return(uri: str) -> None:
    if not is_loopback(uri):
        raise HTTPException(400, "redirect_uri is not on this machine")


def _configuration(issuer: Issuer) -> dict[str, Any]:
    return {
        "issuer": issuer.url,
        "authorization_endpoint": f"{issuer.url}/authorize",
        "token_endpoint": f"{issuer.url}/token",
        "jwks_uri": issuer.jwks_url,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
    }
