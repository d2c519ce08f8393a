"""Bring a deployment's database to this release: the kernel's tables, then the service's own. Run before a rollout."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.messaging.connecting import tls_options

MIGRATION_LOCK = 0x74756E7461734D
LOCK_SECONDS_MAX = 10

_VERSIONS = "alembic_version"
_KERNEL_TREE = Path(__file__).parent / "migrations"


async def migrate(service: str, dsn: str, ca_file: Path | None = None) -> None:
    """Upgrade to the newest revision, by one process at a time; a second run changes nothing.

    Args:
        service: ``intake``, ``verification``, ``programs`` or ``notifications``.
        dsn: ``postgresql://role:password@host:port/database`` of the role that owns the database.
    """
    engine = create_async_engine(async_dsn(dsn), connect_args=tls_options(ca_file))
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            await connection.execute(text(f"set local lock_timeout = '{LOCK_SECONDS_MAX}s'"))
            await connection.execute(text("create schema if not exists kernel"))
            for tree in (_KERNEL_TREE, service_tree(service)):
                await connection.run_sync(_upgrade, tree)
    finally:
        await engine.dispose()


async def unmigrated(service: str, dsn: str, ca_file: Path | None = None) -> list[str]:
    """How the database differs from the models of this release; empty where it does not."""
    engine = create_async_engine(async_dsn(dsn), connect_args=tls_options(ca_file))
    try:
        found: list[str] = []
        for tree in (_KERNEL_TREE, service_tree(service)):
            async with engine.begin() as connection:
                found += await connection.run_sync(_differences, tree)
        return found
    finally:
        await engine.dispose()


def service_tree(service: str) -> Path:
    """Where a service's revisions are; found by name, because shared imports no service."""
    return Path(str(importlib.resources.files(f"services.{service}"))) / "migrations"


def async_dsn(dsn: str) -> str:
    """The same address for SQLAlchemy's asyncpg dialect."""
    return "postgresql+asyncpg://" + dsn.split("://", 1)[1]


def run_in_environment(metadata: MetaData | Sequence[MetaData], schema: Literal["kernel", "public"]) -> None:
    """What every tree's env.py calls: run the revisions on the connection that ``migrate`` holds."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("Revisions run through `tuntas migrate`, which holds the lock and the connection.")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=_VERSIONS,
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, _: (name or "public") == schema if kind == "schema" else name != _VERSIONS,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def configuration(tree: Path, connection: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(tree).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Any, tree: Path) -> None:
    command.upgrade(configuration(tree, connection), "head")


def _differences(connection: Any, tree: Path) -> list[str]:
    try:
        command.check(configuration(tree, connection))
    except Exception as differs:  # noqa: BLE001 - alembic tells a difference by an error of its own
        return [f"{tree.parent.name}: {differs}"]
    return []
