"""Verifies bearer tokens of pinned OpenID Connect issuers. Times are real time: the business clock has no say here."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx2
from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.events.fields import AgencyCode, RegionCode
from shared.problem import Problem
from shared.security.caller import Caller
from shared.security.issuer_keys import IssuerKeys, KeysUnavailableError
from shared.security.roles import Role

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Public-key signatures only: `none` and shared secrets are never acceptable."""
LEEWAY_S: Final = 30
TOKEN_BYTES_MAX: Final = 8_192
CHECKED_FOR_S: Final = 30.0
"""So long a token that was found good is not checked again; a key that its issuer withdraws counts so much longer."""
CHECKED_MAX: Final = 2_000
_ROLES: Final = frozenset(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose tokens count, and of which agencies it may speak (None: of all)."""

    iss: str
    jwks_url: str
    agencies: frozenset[str] | None = None


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    sub: str = Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@|-]*$")
    name: str = Field("", max_length=120)
    agency: AgencyCode
    roles: list[str] = Field(max_length=20)
    regions: list[Annotated[RegionCode, Field(min_length=2)]] = Field(max_length=100)


class TokenVerifier:
    """Turns a token into a Caller, or raises a Problem (401, or 503 when the issuer's keys cannot be had)."""

    def __init__(
        self,
        issuers: Iterable[Issuer],
        audience: str,
        client: httpx2.AsyncClient,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = {issuer.iss: (issuer, IssuerKeys(issuer.jwks_url, client)) for issuer in issuers}
        self._audience = audience
        self._wall_clock = wall_clock
        self._checked: dict[bytes, tuple[Caller, int, float]] = {}

    async def verify(self, token: str) -> Caller:
        """The caller that an access token speaks for."""
        return (await self.verify_dated(token))[0]

    async def verify_dated(self, token: str) -> tuple[Caller, int]:
        """The caller, and the second (Unix time) at which the token ends."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        caller, ends_at, checked_at = self._checked.get(digest, (None, 0, 0.0))
        now = self._wall_clock()
        if caller is not None and checked_at <= now < min(checked_at + CHECKED_FOR_S, ends_at):
            return caller, ends_at
        caller, ends_at = await self._check(token)
        if len(self._checked) >= CHECKED_MAX:
            self._checked.clear()
        self._checked[digest] = (caller, ends_at, now)
        return caller, ends_at

    async def _check(self, token: str) -> tuple[Caller, int]:
        claims = await self.signed_claims(token, self._audience)
        caller = _caller(claims)
        agencies = self._issuers[claims["iss"]][0].agencies
        if agencies is not None and caller.agency not in agencies:
            raise _refused("token-issuer")
        return caller, int(claims["exp"])

    async def signed_claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token of one of our issuers, made for `audience` and valid now; not read further."""
        if len(token) > TOKEN_BYTES_MAX:
            raise _refused("token-malformed")
        header, claims = _parts(token)
        algorithm, issuer = header.get("alg"), claims.get("iss")
        if algorithm not in ALGORITHMS:
            raise _refused("token-algorithm")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise _refused("token-issuer")
        await _check_signature(token, str(algorithm), header.get("kid"), self._issuers[issuer][1])
        self._check_times(claims)
        named = claims.get("aud")
        if audience not in (named if isinstance(named, list) else [named]):
            raise _refused("token-audience")
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._wall_clock()
        ends, begins = _time(claims.get("exp")), _time(claims.get("nbf", 0))
        if ends <= now - LEEWAY_S:
            raise _refused("token-expired")
        if begins > now + LEEWAY_S:
            raise _refused("token-not-yet-valid")


async def _check_signature(token: str, algorithm: str, key_id: object, keys: IssuerKeys) -> None:
    if not isinstance(key_id, str):
        raise _refused("token-signature")
    try:
        key = await keys.find(key_id)
    except KeysUnavailableError:
        raise Problem("token-keys-unavailable", status=503, headers={"Retry-After": "30"}) from None
    if key is None:
        raise _refused("token-signature")
    try:
        jws.deserialize_compact(token, key, algorithms=[algorithm])
    except BadSignatureError:
        raise _refused("token-signature") from None
    except (JoseError, ValueError):
        # A key of another kind than the algorithm, critical headers we do not know, and the like.
        raise _refused("token-malformed") from None


def _parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        signed = jws.extract_compact(token.encode("ascii"))
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, RecursionError):
        raise _refused("token-malformed") from None
    if not isinstance(claims, dict):
        raise _refused("token-malformed")
    return signed.protected, claims


def _caller(claims: Mapping[str, Any]) -> Caller:
    try:
        told = _Claims.model_validate(claims)
    except ValidationError:
        raise _refused("token-claims") from None
    # Roles we do not know are other systems' business: they give nothing here.
    roles = frozenset(Role(role) for role in told.roles if role in _ROLES)
    return Caller(told.sub, told.agency, roles, tuple(dict.fromkeys(told.regions)), told.name)


def _time(value: object) -> float:
    # The bounds also refuse NaN, which would never be over.
    if isinstance(value, int | float) and not isinstance(value, bool) and -(2**53) < value < 2**53:
        return value
    raise _refused("token-claims")


def _refused(code: str) -> Problem:
    challenge = f'Bearer realm="tuntas", error="invalid_token", error_description="{code}"'
    return Problem(code, status=401, headers={"WWW-Authenticate": challenge})
