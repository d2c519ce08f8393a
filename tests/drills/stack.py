"""A stack of the drills' own: Kafka and PostgreSQL that may be killed and come back. Commits are on the disk."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import asyncpg

from local.stack import StackAddresses
from local.stack.jars import class_path
from local.stack.kafka import EmbeddedKafka
from local.stack.postgres import EmbeddedPostgres
from local.stack.stack import jars_folder


class Server:
    """One of the two servers. Its address stays, whatever is done to it."""

    def __init__(self, part: EmbeddedKafka | EmbeddedPostgres) -> None:
        self._part = part
        self.stops = 0
        """How often it was ended while it ran, in whatever way."""

    @property
    def address(self) -> Any:
        return self._part.address

    @property
    def runs(self) -> bool:
        return self._part.process.poll() is None

    async def start(self) -> None:
        """Start it again; returns when it answers."""
        # Here and not in a thread: Linux ends a child with the thread that started it.
        self._part.launch()
        await asyncio.to_thread(self._part.wait_ready)

    async def kill(self) -> None:
        """Kafka: SIGKILL. PostgreSQL: a shutdown in mode ``immediate``, without a checkpoint."""
        self.stops += self.runs
        await asyncio.to_thread(self._part.kill)

    async def stop(self) -> None:
        """Shut down in order."""
        self.stops += self.runs
        await asyncio.to_thread(self._part.stop)

    async def suspend(self) -> None:
        """SIGSTOP to its first process, which is all there is of Kafka: connections stay, and nothing is answered."""
        self._part.process.send_signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """Let a suspended one go on; nothing happens to one that is not."""
        self._part.process.send_signal(signal.SIGCONT)

    def throw_away(self) -> None:
        self._part.kill()
        self._part.forget()


class Postgres(Server):
    async def end_connections(self) -> int:
        """Terminate every backend that somebody else is connected to; how many."""
        connection = await asyncpg.connect(self.address.dsn)
        try:
            ended = await connection.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        finally:
            await connection.close()
        return len(ended)


class DrillStack:
    """`async with DrillStack(folder) as stack:` – empty at the start, thrown away at the end."""

    def __init__(self, folder: Path) -> None:
        self.kafka = Server(EmbeddedKafka(folder / "kafka", class_path(jars_folder())))
        self.postgres = Postgres(EmbeddedPostgres(folder / "postgres"))

    @property
    def addresses(self) -> StackAddresses:
        return StackAddresses(self.kafka.address, self.postgres.address)

    @property
    def stops(self) -> int:
        """How often one of the servers was ended."""
        return self.kafka.stops + self.postgres.stops

    async def __aenter__(self) -> DrillStack:
        self.kafka.throw_away()
        self.postgres.throw_away()
        await asyncio.gather(self.kafka.start(), self.postgres.start())
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.kafka.throw_away)
        await asyncio.to_thread(self.postgres.throw_away)
