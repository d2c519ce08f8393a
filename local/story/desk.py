"""A person at work: signed in, one request at a time or many, patient with a service that restarts.

The story uses nothing but this: HTTP, as anybody would, with the token of a person of the cast. A write carries an
idempotency key that follows from who sends what where, so that a request repeated after a crash has one effect, and
a story that begins anew changes nothing that is done.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final, Protocol

import httpx2
import orjson
import stamina

PATIENCE_S: Final = 120.0
"""So long a request is repeated while its service is away; a killed service is back in a few seconds."""
ANSWER_WITHIN_S: Final = 60.0
_RENEW_BEFORE_S: Final = 600.0
_PASSING: Final = frozenset({429, 502, 503, 504})
_STILL_WORKING: Final = "idempotency-in-progress"

Json = Any
File = tuple[str, bytes, str]
"""Name, bytes and media type of an upload."""


class Refused(Exception):
    """A service said no. Carries the problem details: code, field, and what to do."""

    def __init__(self, status: int, problem: Mapping[str, Any], request: str) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.problem = problem
        findings = "; ".join(str(each.get("code")) for each in problem.get("errors", []))
        super().__init__(f"{request}: {status} {self.code} {findings}".rstrip())


class _Away(Exception):
    """The service did not answer, or asks to come again."""


UNANSWERED: Final = (_Away, httpx2.TransportError)
"""What a desk raises when its patience ends and nobody knows what became of the request."""


class Tokens(Protocol):
    """Signs people in."""

    async def of(self, subject: str) -> str:
        """A token that is good for some minutes at least."""
        ...


@dataclass(slots=True)
class IssuerTokens:
    """Tokens of the laptop's issuer, one per person, fetched anew before they end."""

    http: httpx2.AsyncClient
    token_url: str
    _kept: dict[str, tuple[float, str]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, subject: str) -> str:
        async with self._lock:
            ends_at, token = self._kept.get(subject, (0.0, ""))
            if time.monotonic() > ends_at - _RENEW_BEFORE_S:
                form = {"grant_type": "client_credentials", "client_id": subject}
                answer = (await self.http.post(self.token_url, data=form)).raise_for_status().json()
                token = str(answer["access_token"])
                self._kept[subject] = (time.monotonic() + float(answer["expires_in"]), token)
            return token


@dataclass(frozen=True, slots=True)
class Desk:
    """One person at one deployment."""

    http: httpx2.AsyncClient
    tokens: Tokens
    base_url: str
    subject: str
    patience_s: float = PATIENCE_S

    async def get(self, path: str, **query: str | int | None) -> Json:
        """What a page or list says. Raises Refused."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return _body(await self._patiently("GET", path, params=given))

    async def download(self, path: str) -> bytes:
        """A file as it comes. Raises Refused."""
        return (await self._patiently("GET", path)).content

    async def post(self, path: str, body: Json = None, *, key: str | None = None) -> Json:
        """Write once. ``key`` is only wanted where the same words are meant twice. Raises Refused."""
        content = orjson.dumps(body if body is not None else {})
        headers = {"Content-Type": "application/json", "Idempotency-Key": self._key("POST", path, content, key)}
        return _body(await self._patiently("POST", path, content=content, headers=headers))

    async def upload(self, path: str, file: File, fields: Mapping[str, str] | None = None) -> Json:
        """Send a file with form fields, once. Raises Refused."""
        name, content, media_type = file
        words = orjson.dumps(dict(sorted((fields or {}).items())))
        headers = {"Idempotency-Key": self._key("POST", path, content + words, None)}
        upload = {"file": (PurePath(name).name, content, media_type)}
        return _body(await self._patiently("POST", path, files=upload, data=dict(fields or {}), headers=headers))

    def _key(self, method: str, path: str, content: bytes, key: str | None) -> str:
        said = b"\0".join((self.subject.encode(), method.encode(), path.encode(), (key or "").encode(), content))
        return hashlib.sha256(said).hexdigest()

    async def _patiently(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """The answer, repeating what a restart interrupted. Raises Refused, or httpx2's error when patience ends."""
        headers = {**request.pop("headers", {}), "Authorization": f"Bearer {await self.tokens.of(self.subject)}"}
        tries = stamina.retry_context(
            on=UNANSWERED, attempts=None, timeout=self.patience_s, wait_initial=0.1, wait_max=2.0
        )
        async for attempt in tries:
            with attempt:
                response = await self.http.request(
                    method, f"{self.base_url}{path}", headers=headers, timeout=ANSWER_WITHIN_S, **request
                )
                _check(response, f"{method} {path}")
        return response


def _check(response: httpx2.Response, request: str) -> None:
    if response.is_success:
        return
    problem = _problem(response)
    if response.status_code in _PASSING or problem.get("code") == _STILL_WORKING:
        raise _Away(f"{request}: {response.status_code}")
    raise Refused(response.status_code, problem, request)


def _problem(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _body(response: httpx2.Response) -> Json:
    return orjson.loads(response.content) if response.content else None
