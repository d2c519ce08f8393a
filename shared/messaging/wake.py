"""Wake the relay when something was committed: at once in the same process, by one coalesced NOTIFY from another."""

from __future__ import annotations

import asyncio
from typing import Any

OUTBOX_CHANNEL = "tuntas_outbox"
COALESCE_SECONDS = 0.02


class Wake:
    """A signal that may be given often and is answered once."""

    def __init__(self) -> None:
        self._local = asyncio.Event()
        self._remote = asyncio.Event()

    def signal(self) -> None:
        """Something was committed."""
        self._local.set()
        self._remote.set()

    def set_local(self) -> None:
        self._local.set()

    def clear(self) -> None:
        self._local.clear()

    async def wait(self, seconds: float) -> None:
        """Until the signal, or the fallback poll."""
        try:
            async with asyncio.timeout(seconds):
                await self._local.wait()
        except TimeoutError:
            return

    async def notify_relay(self, connect: Any) -> None:
        """Pass signals on to a relay in another process, until cancelled.

        NOTIFY runs on a connection of its own after the commit: inside the writing transaction it would take a lock
        that all commits of the database share.
        """
        connection = await connect()
        try:
            while True:
                await self._remote.wait()
                self._remote.clear()
                await connection.execute(f"notify {OUTBOX_CHANNEL}")
                await asyncio.sleep(COALESCE_SECONDS)
        finally:
            connection.terminate()
