"""Databases of benchmarks: migrated as in production and owned by a role that is no super user, dropped at the end."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from benchmarks.workplace import Workplace
from shared.messaging.migrate import migrate


@dataclass(frozen=True, slots=True)
class Database:
    """One database and how its owner signs in."""

    name: str
    dsn: str

    async def connect(self) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(self.dsn)


@asynccontextmanager
async def databases(workplace: Workplace) -> AsyncIterator[MakeDatabase]:
    """A maker of databases. All of them are dropped at the end of the block, whoever is still connected."""
    admin = await asyncpg.connect(workplace.stack.postgres_admin_dsn)
    make = MakeDatabase(workplace, admin, f"{workplace.root}_owner", secrets.token_hex(16), [])
    try:
        await admin.execute(f"create role {make.role} login password '{make.password}'")
        yield make
    finally:
        for name in make.made:
            await admin.execute(f'drop database if exists "{name}" with (force)')
        await admin.execute(f"drop role if exists {make.role}")
        await admin.close()


@dataclass(frozen=True, slots=True)
class MakeDatabase:
    """`await make("programs", "ours")`, `await make.copy(ours, "reference")`."""

    workplace: Workplace
    admin: asyncpg.Connection[Any]
    role: str
    password: str
    made: list[str]

    async def __call__(self, service: str, name: str) -> Database:
        """A migrated database of a service, empty."""
        made = await self._create(name, "template0")
        await migrate(service, made.dsn)
        return made

    async def copy(self, source: Database, name: str) -> Database:
        """The same files under another name; nobody may be connected to the source."""
        return await self._create(name, source.name)

    async def _create(self, name: str, template: str) -> Database:
        full = f"{self.workplace.root}_{name}"
        self.made.append(full)
        await self.admin.execute(f'create database "{full}" owner {self.role} template "{template}" strategy file_copy')
        return Database(full, self.workplace.stack.postgres.dsn_of(full, self.role, self.password))
