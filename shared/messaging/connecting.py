"""The database driver's own connections: beside the engine's for the relay and operators, and under a session's.

The kernel's few hot statements go to the driver itself, past the layers above it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession as Session


def tls_options(ca_file: Path | None) -> dict[str, Any]:
    """asyncpg's options: with a CA the server must show a certificate of it that names the host."""
    return {} if ca_file is None else {"ssl": ssl.create_default_context(cafile=str(ca_file))}


async def connect(dsn: str, ca_file: Path | None, **settings: str) -> Any:
    """A connection outside the pool; ``settings`` are PostgreSQL's for this session."""
    return await asyncpg.connect(dsn, timeout=10, server_settings=settings, **tls_options(ca_file))


async def driver_of(session: Session) -> Any:
    """The driver's connection under a session, in its transaction. What it refuses is raised as asyncpg's own error.

    What the session holds unflushed is not written first.
    """
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise RuntimeError("The session's connection is gone.")
    if not driver.is_in_transaction():
        # SQLAlchemy begins a transaction on the server with its first statement.
        await connection.execute(_BEGIN)
    return driver


_BEGIN = text("select 1")
