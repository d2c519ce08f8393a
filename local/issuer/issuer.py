"""Signs tokens for the people of the laptop's file, and remembers the sign-ins that are under way."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from local.people import PeopleFile, Person

AUDIENCE: Final = "tuntas"
PAGES_CLIENT: Final = "tuntas-pages"
ALGORITHM: Final = "ES256"
TOKEN_TTL_S: Final = 8 * 3600
CODE_TTL_S: Final = 120
CODES_MAX: Final = 1_000
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class ProductionRefusedError(RuntimeError):
    """Someone tried to start an issuer without passwords where real people work."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a page asked for, kept between the click and the exchange of the code."""

    subject: str
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    ends_at: float


class Issuer:
    """The issuer of one laptop stack.

    Raises ProductionRefusedError in production mode, and for an address that others could reach.
    """

    def __init__(self, url: str, people: PeopleFile, state: Path, *, mode: str) -> None:
        if mode != "laptop" or os.environ.get("TUNTAS_MODE") == "production":
            raise ProductionRefusedError("The laptop issuer signs anybody in without a password: laptop mode only.")
        if urlsplit(url).hostname not in LOOPBACK:
            raise ProductionRefusedError(f"The laptop issuer listens on this machine only, not on {url}.")
        self.url = url.rstrip("/")
        self.people = people
        self._key = _key_of(state)
        self._codes: dict[str, SignIn] = {}

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks"

    def key_set(self) -> dict[str, Any]:
        """The public key, as JWKS."""
        return {"keys": [self._key.as_dict(private=False) | {"use": "sig", "alg": ALGORITHM}]}

    def issue_token(self, subject: str, *, ttl_s: int = TOKEN_TTL_S, **claims: Any) -> str:
        """An access token for a person of the file; `claims` overrides single claims. Raises UnknownPersonError."""
        return self.token_of(self.people.person(subject), ttl_s=ttl_s, **claims)

    def token_of(self, person: Person, *, ttl_s: int = TOKEN_TTL_S, **claims: Any) -> str:
        """An access token for anybody, in the file or not (tests)."""
        return self._sign(
            {
                "sub": person.subject,
                "name": person.title,
                "agency": person.agency,
                "roles": [role.value for role in person.roles],
                "regions": list(person.regions),
                "aud": AUDIENCE,
                **claims,
            },
            ttl_s,
        )

    def begin(self, subject: str, redirect_uri: str, code_challenge: str, nonce: str | None) -> str:
        """Remembers a sign-in and gives its code, good once and for two minutes."""
        self.people.person(subject)
        now = time.time()
        self._codes = {code: each for code, each in list(self._codes.items())[-CODES_MAX:] if each.ends_at > now}
        code = secrets.token_urlsafe(32)
        self._codes[code] = SignIn(subject, redirect_uri, code_challenge, nonce, now + CODE_TTL_S)
        return code

    def exchange(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any] | None:
        """The tokens of a sign-in; None for a code that is unknown, used, over, or of another page."""
        begun = self._codes.pop(code, None)
        if begun is None or begun.ends_at <= time.time() or begun.redirect_uri != redirect_uri:
            return None
        if not hmac.compare_digest(challenge_of(verifier), begun.code_challenge):
            return None
        nonce = {"nonce": begun.nonce} if begun.nonce else {}
        id_token = self._sign({"sub": begun.subject, "aud": PAGES_CLIENT, **nonce}, CODE_TTL_S)
        return self.answer(begun.subject) | {"id_token": id_token}

    def answer(self, subject: str) -> dict[str, Any]:
        """A token endpoint's answer."""
        return {"access_token": self.issue_token(subject), "token_type": "Bearer", "expires_in": TOKEN_TTL_S}

    def _sign(self, claims: dict[str, Any], ttl_s: int) -> str:
        now = int(time.time())
        base = {"iss": self.url, "iat": now, "nbf": now, "exp": now + ttl_s, "jti": secrets.token_hex(8)}
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, base | claims, self._key, [ALGORITHM])


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_loopback(uri: str) -> bool:
    """Whether an address is this machine: the only place to which the issuer sends anybody back."""
    parts = urlsplit(uri)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _key_of(state: Path) -> ECKey:
    path = state / "issuer-key.json"
    if path.exists():
        return ECKey.import_key(orjson.loads(path.read_bytes()))
    state.mkdir(parents=True, exist_ok=True)
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(key.as_dict(private=True)))
    part.replace(path)
    return key
