"""Loops that are started again with back-off, and say what is wrong meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from shared.messaging.failures import ConsumerStopped, StartRefused, place_of

log = structlog.get_logger(__name__)

DELAY_SECONDS_MAX = 15.0
STEADY_SECONDS = 30.0


class Supervised:
    """One loop of a deployment."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._run = run
        self.wrong: str | None = None
        """What is wrong now, as an error's name; None while it runs."""

    async def run(self) -> None:
        """Run until cancelled. What cannot mend itself stays down and is said by ``wrong``."""
        delay = 0.25
        while True:
            began = time.monotonic()
            try:
                self.wrong = None
                await self._run()
            except (ConsumerStopped, StartRefused) as final:
                self.wrong = str(final)
                log.critical("loop.stopped", loop=self.name, why=str(final))
                await asyncio.Event().wait()
            except Exception as error:  # noqa: BLE001 - a loop that dies unseen would be worse
                self.wrong = type(error).__name__
                log.warning("loop.restarts", loop=self.name, error=self.wrong, at=place_of(error), seconds=delay)
            if time.monotonic() - began > STEADY_SECONDS:
                delay = 0.25
            await asyncio.sleep(delay)
            delay = min(delay * 2, DELAY_SECONDS_MAX)
