"""Ending processes in the middle of a story, as a power cut would, and starting them again."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from local.city import City, Deployed
from tests.fixtures import eventually

_RELAYED = re.compile(r"^tuntas_relayed_total (\S+)$", re.MULTILINE)
_STORY_SECONDS_MAX = 600.0


@dataclass(frozen=True)
class Moment:
    """When a deployment is killed: so many seconds after the n-th request of a kind to a deployment."""

    killed: str
    asked: str
    """The deployment to which the request goes; the same or another."""
    request: str
    """Method and a regular expression of the whole path: ``POST /api/v1/offers/.*/accept``."""
    nth: int
    after_seconds: float


@dataclass
class PowerCuts:
    """A listener of the story that kills deployments at their moments, all their processes, and starts them again."""

    moments: tuple[Moment, ...]
    killed: Counter[str] = field(default_factory=Counter)
    city: City | None = None
    _seen: Counter[Moment] = field(default_factory=Counter)
    _addresses: dict[str, str] = field(default_factory=dict)

    async def __call__(self, request: httpx2.Request) -> None:
        asked = self._asked(f"{request.url.scheme}://{request.url.netloc.decode()}")
        line = f"{request.method} {request.url.path}"
        for moment in self.moments:
            if moment.asked == asked and re.fullmatch(moment.request, line):
                self._seen[moment] += 1
                if self._seen[moment] == moment.nth:
                    asyncio.get_running_loop().call_later(moment.after_seconds, self._cut, moment.killed)

    def _asked(self, address: str) -> str | None:
        assert self.city is not None
        if not self._addresses:
            self._addresses = {self.city.url(*name.split(".")): name for name in self.city.here()}
        return self._addresses.get(address)

    def _cut(self, deployment: str) -> None:
        assert self.city is not None
        processes = [each for each in self.city.deployed.values() if each.name == deployment]
        for process in processes:
            process.kill()
        for process in processes:
            process.start()
        self.killed[deployment] += 1


@dataclass
class RelayDrill:
    """Kills every relay that is a process of its own as soon as it has sent something, again and again."""

    killed: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def going_on(self, city: City) -> AsyncIterator[None]:
        """Until the block ends; then every relay is left in peace."""
        async with httpx2.AsyncClient() as http:
            relays = [each for each in city.deployed.values() if each.role == "relay"]
            drills = [asyncio.create_task(self._drill(http, relay)) for relay in relays]
            try:
                yield
            finally:
                for drill in drills:
                    drill.cancel()
                ended = await asyncio.gather(*drills, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended

    async def _drill(self, http: httpx2.AsyncClient, relay: Deployed) -> None:
        while True:
            # It sends a thousand events in twenty milliseconds: whoever looks seldom kills one that is done.
            await eventually(lambda: _has_sent(http, relay), within=_STORY_SECONDS_MAX, look=0.01)
            relay.kill()
            relay.start()
            self.killed[relay.name] += 1


async def _has_sent(http: httpx2.AsyncClient, relay: Deployed) -> bool:
    try:
        found = _RELAYED.search((await http.get(f"{relay.url}/metrics")).text)
    except httpx2.TransportError:
        return False
    return found is not None and float(found[1]) > 0
