"""Whether a city is quiet: nothing unsent and nothing unheard anywhere, by what every process says of itself."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx2

from local.city import Deployed
from local.story.patience import NeverHappened

QUIET_WITHIN_S: Final = 180.0
STILL_S: Final = 2.5
"""Longer than a process takes to measure itself anew."""
_FIGURE: Final = re.compile(
    r"^(tuntas_outbox_events|tuntas_lag_records|tuntas_relayed_total|tuntas_heard_total) (\S+)$", re.MULTILINE
)


async def until_quiet(http: httpx2.AsyncClient, processes: Collection[Deployed]) -> None:
    """Until nothing is unsent or unheard anywhere, and has not been for a while. Raises NeverHappened."""
    ends_at = time.monotonic() + QUIET_WITHIN_S
    before: list[Metrics] = []
    while True:
        now = [await _measure(http, each) for each in processes]
        if all(each.is_quiet for each in now) and now == before:
            return
        if time.monotonic() > ends_at:
            raise NeverHappened(f"still at work after {QUIET_WITHIN_S:.0f} s: {now}")
        before = now
        await asyncio.sleep(STILL_S)


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a process says of itself. One that is not ready hears nothing, and does not know what it has not heard."""

    name: str
    ready: bool
    unsent: float
    unheard: float
    relayed: float
    heard: float

    @property
    def is_quiet(self) -> bool:
        return self.ready and not self.unsent and not self.unheard


async def _measure(http: httpx2.AsyncClient, process: Deployed) -> Metrics:
    name = f"{process.name}/{process.role}"
    try:
        ready = await http.get(f"{process.url}/readyz")
        text = (await http.get(f"{process.url}/metrics")).text
    except httpx2.TransportError:
        return Metrics(name, ready=False, unsent=0, unheard=0, relayed=0, heard=0)
    said = {figure: float(value) for figure, value in _FIGURE.findall(text)}
    return Metrics(
        name,
        ready=ready.status_code == HTTPStatus.OK,
        unsent=said["tuntas_outbox_events"],
        unheard=said["tuntas_lag_records"],
        relayed=said["tuntas_relayed_total"],
        heard=said["tuntas_heard_total"],
    )
