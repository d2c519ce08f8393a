"""The cheapest honest HTTP client: keep-alive connections, one request at a time on each, no library in between.

On a machine of two processors the client takes from what it measures, so it does nothing but write and read bytes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from local.city import City
from local.issuer.issuer import Issuer
from local.people import PeopleFile

OFFICER = "dinsos-samarinda.petugas-register"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection to one deployment, signed in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes

    async def post(self, path: str, body: object) -> tuple[int, bytes]:
        """Status and body of the answer. Each call carries an Idempotency-Key of its own. Bytes go as they are."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        self.writer.write(
            b"POST %b HTTP/1.1\r\n%bidempotency-key: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (path.encode(), self.head, secrets.token_hex(16).encode(), len(content), content)
        )
        return await self._answer()

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self.writer.write(b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), self.head))
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + len(b"content-length:")
        length = int(lowered[at : lowered.index(b"\r", at)])
        return int(head[9:12]), await self.reader.readexactly(length)


@asynccontextmanager
async def connections(url: str, token: str, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections, open until the end of the block."""
    place = urlsplit(url)
    head = f"host: {place.netloc}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n".encode()
    made: list[Connection] = []
    try:
        made.extend(
            [Connection(*await asyncio.open_connection(place.hostname, place.port), head) for _ in range(count)]
        )
        yield made
    finally:
        for each in made:
            each.writer.close()


def token_of(city: City, subject: str = OFFICER) -> str:
    """An access token of a person of the laptop's file, as the city's issuer gives it; good for some hours."""
    people = PeopleFile(city.state / "people.yaml")
    return Issuer(city.issuer_url, people, city.state, mode="laptop").issue_token(subject)
