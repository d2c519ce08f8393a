"""A deployment, running: one service of one agency with its engine, kernel, keys and directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import Clock
from shared.directory import DirectoryFile
from shared.driver import HonestConnection
from shared.messaging.connecting import tls_options
from shared.messaging.kernel import Kernel, Role
from shared.messaging.metrics import HttpMetrics, show_process
from shared.messaging.migrate import async_dsn
from shared.security import Vault
from shared.service import Service
from shared.settings import DeploymentSettings

LOCK_TIMEOUT = "60s"
"""Who waits longer for a row is told to come again, and holds no connection any more."""
LOOP_CONNECTIONS = 4
"""The consumer, the timers, and what is short: the measures and a probe."""


class Deployment:
    """Everything a request, an event or a timer of this deployment may need; made once per process."""

    def __init__(self, service: Service, settings: DeploymentSettings, *, clock: Clock | None = None) -> None:
        self.declared = service
        self.service: str = service.name
        self.agency = settings.agency
        self.settings = settings
        self.clock = clock or Clock(settings.clock_file if settings.mode == "laptop" else None)
        self.registry = CollectorRegistry()
        self.directory = DirectoryFile(settings.directory_file, settings.topic_root)
        self.vault = Vault(settings.deployment_keys(), settings.index_key())
        self.engine = make_engine(settings, settings.database_pool_max)
        # However many requests wait for a row, the loops and the probes have connections of their own.
        self.loops_engine = make_engine(settings, LOOP_CONNECTIONS)
        self.http_metrics = HttpMetrics(self.registry)
        show_process(self.registry, {"requests": _pool(self.engine), "loops": _pool(self.loops_engine)})
        self.kernel = Kernel(
            settings,
            service.events,
            service.timers,
            self.loops_engine,
            _CurrentAuthority(self.directory),
            self.vault,
            self.clock,
            self.registry,
            deployment=self,
        )

        self.sessions: async_sessionmaker[AsyncSession] = self.kernel.sessions_of(self.engine)
        """For requests; the loops' own are the kernel's."""
        self._started = service.on_start is None
        self.when_closed: list[Callable[[], None]] = []
        """What a service started beside the loops, and ends with them."""

    async def close(self) -> None:
        """Close every connection, and end what else was started."""
        try:
            for end in self.when_closed:
                end()
        finally:
            await self.engine.dispose()
            await self.loops_engine.dispose()

    async def health(self) -> dict[str, str | None]:
        """Each part that has to work, with what is wrong with it, or None."""
        parts = {"database": await self._database(), "directory": self._directory(), **self.kernel.health()}
        if "start" in parts and not self._started:
            parts["start"] = parts["start"] or "not done yet"
        return parts

    @asynccontextmanager
    async def running(self, role: Role) -> AsyncIterator[None]:
        """The loops of a role, and the service's start, until the block ends; then the connections are closed."""
        try:
            starting = [("start", self._start)] if self.declared.on_start is not None else []
            async with self.kernel.running(role, beside=starting):
                yield
        finally:
            await self.close()

    async def _start(self) -> None:
        """What the service does at its start, tried again until it is done: the database may be away just then."""
        assert self.declared.on_start is not None  # noqa: S101 - only then is there anything to do
        await self.declared.on_start(self)
        self._started = True
        await asyncio.Event().wait()

    def _directory(self) -> str | None:
        self.directory.current()
        return self.directory.mistake

    async def _database(self) -> str | None:
        try:
            async with self.loops_engine.connect() as connection:
                await connection.execute(text("select 1"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, not raised
            return type(error).__name__
        return None


class _CurrentAuthority:
    """Asks the directory as it stands now, so that an agency that joins is heard without a restart."""

    def __init__(self, directory: DirectoryFile) -> None:
        self._directory = directory

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:
        return self._directory.current().may_announce(service, agency, region, on)


def deployment_of_session(session: AsyncSession) -> Deployment:
    """The deployment in whose transaction a handler, timer or rule-feeding query runs."""
    found: Deployment = session.info["deployment"]
    return found


def _pool(engine: AsyncEngine) -> Callable[[], tuple[int, int]]:
    """Says how many connections of an engine are in use, and of how many."""

    def look() -> tuple[int, int]:
        pool: Any = engine.pool
        return pool.checkedout(), pool.size()

    return look


def make_engine(settings: DeploymentSettings, connections: int) -> AsyncEngine:
    """The engine of a deployment: bounded pool, JSON by orjson, TLS where a CA is given."""
    arguments: dict[str, Any] = {
        "timeout": 10,
        "connection_class": HonestConnection,
        "server_settings": {"application_name": f"tuntas {settings.agency}", "lock_timeout": LOCK_TIMEOUT},
        **tls_options(settings.database_ca_file),
    }
    return create_async_engine(
        async_dsn(settings.database_url.get_secret_value()),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args=arguments,
    )
