"""Connections to the database beside those of an engine: the relay's and the operators'."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import asyncpg


def tls_options(ca_file: Path | None) -> dict[str, Any]:
    """asyncpg's options: with a CA the server must show a certificate of it that names the host."""
    return {} if ca_file is None else {"ssl": ssl.create_default_context(cafile=str(ca_file))}


async def connect(dsn: str, ca_file: Path | None) -> Any:
    """A connection outside the pool."""
    return await asyncpg.connect(dsn, timeout=10, **tls_options(ca_file))
