"""The public keys of one token issuer: fetched when needed, kept while fresh, never fetched faster than a bound."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx2
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

log = structlog.get_logger(__name__)

FRESH_S: Final = 600.0
"""So long keys are used without asking again."""
STALE_S: Final = 86_400.0
"""So long the last keys are still used when the issuer does not answer."""
REFRESH_AT_MOST_EVERY_S: Final = 30.0
"""A token with an unknown key id makes us ask again, but not more often than this, whoever sends how many."""
FETCH_TIMEOUT_S: Final = 5.0
KEYS_MAX: Final = 50


class KeysUnavailableError(Exception):
    """The issuer does not answer, and there are no keys recent enough to go on with."""


class IssuerKeys:
    """Keys by id. Concurrent askers share one request."""

    def __init__(
        self, jwks_url: str, client: httpx2.AsyncClient, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = jwks_url
        self._client = client
        self._monotonic = monotonic
        self._keys: dict[str, Key] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, key_id: str) -> Key | None:
        """The key, or None when the issuer has none of that id. Raises KeysUnavailableError."""
        if not self._is_fresh(key_id) and not (self._lock.locked() and self._is_usable(key_id)):
            # Whoever has no usable key waits for the request that is under way.
            async with self._lock:
                if not self._is_fresh(key_id) and self._may_ask():
                    await self._fetch()
        if self._age() > STALE_S:
            raise KeysUnavailableError(self._url)
        return self._keys.get(key_id)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._monotonic() - self._fetched_at

    def _is_fresh(self, key_id: str) -> bool:
        return key_id in self._keys and self._age() <= FRESH_S

    def _is_usable(self, key_id: str) -> bool:
        return key_id in self._keys and self._age() <= STALE_S

    def _may_ask(self) -> bool:
        return self._tried_at is None or self._monotonic() - self._tried_at >= REFRESH_AT_MOST_EVERY_S

    async def _fetch(self) -> None:
        self._tried_at = self._monotonic()
        try:
            answer = await self._client.get(self._url, timeout=FETCH_TIMEOUT_S)
            keys = KeySet.import_key_set(answer.raise_for_status().json()).keys[:KEYS_MAX]
        except (httpx2.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("issuer.keys-unavailable", error=type(error).__name__)
            return
        # Shared secrets have no place in a published key set: whoever reads it could sign.
        self._keys = {key.kid: key for key in keys if key.kid and key.key_type != "oct"}
        self._fetched_at = self._monotonic()
