"""A register file of a city is taken in: parse, checks, encryption, duplicates, outbox, in resumable parts.

Ours is the product's own way of a file, in one worker with one connection and the processes that draft for it: it is
accepted (sealed part by part), then its timer works through one part per transaction until the file is done. The other
side is COPY by asyncpg, a table at a time in one transaction, of the very rows that ours left in its tables: parsed,
checked, numbered, sealed and in memory before the clock starts, into the same emptied tables with all indexes and
constraints. The file is the generated register, with the faults that real files have. Python looks for cycles as
seldom as it does in a worker, on both sides, and never at the rows that are kept for the other side.

The notes tell what two connections at once get, each with half of the households in a transaction of its own, and what
both sides do once in a register that is already big.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.databases import Database, databases
from benchmarks.full_register import PERSONS_PER_HOUSEHOLD, fill
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, middle_cpu_us, middle_rate, rates
from benchmarks.workplace import Workplace
from local.register.figures import CITY
from local.register.generate import generate
from services.intake.accept_file import Purpose, accept_file
from services.intake.app import SERVICE
from services.intake.csv_files import open_csv
from services.intake.draft_ahead import draft_ahead_of
from services.intake.rules.columns import FileKind
from services.intake.settings import IntakeSettings
from shared.deployment import Deployment
from shared.messaging.collecting import collecting_seldom

_AGENCY = "dinsos-samarinda"
_PURPOSE = Purpose(FileKind.REGISTER, "dtks", "dinsos-samarinda", "64.72", "operator")
_KEY = base64.b64encode(b"k" * 32).decode()
_DIRECTORY = Path(__file__).resolve().parents[1] / "local" / "agencies.yaml"


async def run(workplace: Workplace) -> Result:
    """Households registered per second, on both sides."""
    families = workplace.at_size(200, CITY.families)
    standing = workplace.at_size(1_000, 100_000)
    folder = workplace.state / f"{workplace.root}-register"
    folder.mkdir(parents=True, exist_ok=True)
    generate(folder, family_count=families)
    async with databases(workplace) as make:
        database = await make("intake", "bulk_import")
        connection, second = await database.connect(), await database.connect()
        async with _deployment(workplace, database) as deployment:
            tables = Tables(connection, make.admin, await _tables(connection))

            async def take_in() -> Stopwatch:
                with collecting_seldom(), Stopwatch(beside=draft_ahead_of(deployment).processes) as watch:
                    await _take_in(deployment, folder / "register.csv")
                return watch

            async def copy() -> Stopwatch:
                with collecting_seldom(), Stopwatch() as watch:
                    await tables.copy(connection)
                return watch

            async def ours(_: int) -> Sample:
                await tables.empty()
                watch = await take_in()
                await tables.keep()
                return watch.sample(tables.households)

            async def reference(_: int) -> Sample:
                await tables.empty()
                watch = await copy()
                assert await tables.counts() == {name: len(rows) for name, rows in tables.kept.items()}
                return watch.sample(tables.households)

            async def reference_by_two(_: int) -> Sample:
                await tables.empty()
                first, *halves = tables.halves()
                with collecting_seldom(), Stopwatch() as watch:
                    await _copy(connection, first)
                    await asyncio.gather(*map(_copy, (connection, second), halves))
                assert await tables.counts() == {name: len(rows) for name, rows in tables.kept.items()}
                return watch.sample(tables.households)

            async def in_a_big_one(side: Callable[[], Awaitable[Stopwatch]]) -> Sample:
                await tables.empty()
                await fill(connection, standing * PERSONS_PER_HOUSEHOLD)
                await make.admin.execute("checkpoint")
                watch = await side()
                assert (await tables.counts())["household"] == standing + tables.households
                return watch.sample(tables.households)

            # Drafting processes are started, caches of codes and plans are filled, and the other side gets its rows.
            await ours(-1)
            await reference(-1)
            *measured, by_two = await by_turns(workplace.rounds, ours, reference, reference_by_two)
            big, big_reference = await in_a_big_one(take_in), await in_a_big_one(copy)
        await connection.close()
        await second.close()
    households = tables.households
    return rates(
        "bulk_import",
        *measured,
        unit="households/s",
        at_least=0.25,
        payload_bytes=sum(len(row["payload"]) for row in tables.kept["kernel.outbox"]) // households,
        connections=1,
        reference_connections=1,
        notes={
            "file_rows": tables.kept["import"][0]["rows"],
            "persons": len(tables.kept["member"]),
            "rows_written_per_household": round(sum(map(len, tables.kept.values())) / households, 1),
            "drafting_processes": _settings(workplace, database).import_processes,
            "part_rows": _settings(workplace, database).import_part_rows_max,
            "reference_cpu_us_per_op": middle_cpu_us(measured[1]),
            "reference_by_two_connections_per_second": middle_rate(by_two),
            "ratio_to_two_connections": round(middle_rate(measured[0]) / middle_rate(by_two), 3),
            "families_of_the_big_register": standing,
            "in_the_big_register_per_second": round(big.per_second, 1),
            "reference_in_the_big_register_per_second": round(big_reference.per_second, 1),
            "ratio_in_the_big_register": round(big.per_second / big_reference.per_second, 3),
        },
    )


async def _take_in(deployment: Deployment, file: Path) -> None:
    async with deployment.sessions() as session:
        with file.open("rb") as content:
            await accept_file(session, deployment, open_csv(content, FileKind.REGISTER), _PURPOSE)
        await deployment.kernel.commit(session)
    while await deployment.kernel.timers.handle_next():
        pass


Rows = dict[str, list[asyncpg.Record]]
"""Of tables, those first that others refer to."""


@dataclass
class Tables:
    """The tables of an intake database: emptied, read back as they are, and filled again by COPY."""

    connection: asyncpg.Connection[Any]
    admin: asyncpg.Connection[Any]
    names: list[str]
    kept: Rows = field(default_factory=dict)

    @property
    def households(self) -> int:
        return len(self.kept["household"])

    async def empty(self) -> None:
        """As after the migration, with nothing left to write of an earlier round."""
        await self.connection.execute(f"truncate {', '.join(map(_quoted, self.names))} restart identity cascade")
        await self.admin.execute("checkpoint")

    async def keep(self) -> None:
        """Remember every row that stands now, in the order of the tables' files."""
        self.kept = {
            name: rows for name in self.names if (rows := await self.connection.fetch(f"select * from {_quoted(name)}"))
        }

    async def copy(self, connection: asyncpg.Connection[Any]) -> None:
        await _copy(connection, self.kept)

    def halves(self) -> tuple[Rows, Rows, Rows]:
        """The import, to which all else belongs; then each half of the households with all that is theirs."""
        first: Rows = {"import": self.kept["import"]}
        halves: tuple[Rows, Rows] = ({}, {})
        for name, rows in self.kept.items():
            for row in rows if name not in first else ():
                halves[_half(name, row)].setdefault(name, []).append(row)
        return first, *halves

    async def counts(self) -> dict[str, int]:
        found = {name: await self.connection.fetchval(f"select count(*) from {_quoted(name)}") for name in self.names}
        return {name: count for name, count in found.items() if count}


async def _copy(connection: asyncpg.Connection[Any], tables: Rows) -> None:
    async with connection.transaction():
        for name, rows in tables.items():
            schema, _, table = name.rpartition(".")
            await connection.copy_records_to_table(
                table, schema_name=schema or None, columns=list(rows[0].keys()), records=rows
            )


def _half(name: str, row: asyncpg.Record) -> int:
    """By the last digit of the household, or of what else a row is of."""
    told = row["id"] if name == "household" else row.get("household_id") or row.get("key") or b"0"
    digit = told[-1:].decode() if isinstance(told, bytes) else str(told)[-1]
    return int(digit, 16) & 1


async def _tables(connection: asyncpg.Connection[Any]) -> list[str]:
    """All tables, those first that others refer to; what only an operator writes is left alone."""
    rows = await connection.fetch(_TABLES)
    return [row["name"] for row in rows]


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def _settings(workplace: Workplace, database: Database) -> IntakeSettings:
    values: dict[str, Any] = {
        "mode": "laptop", "agency": _AGENCY, "region": "64.72", "directory_file": _DIRECTORY,
        "topic_root": workplace.root, "database_url": database.dsn,
        "kafka_bootstrap": workplace.stack.kafka_bootstrap, "kafka_username": "u", "kafka_password": "p",
        "oidc_issuer": "http://issuer.test", "oidc_jwks_url": "http://issuer.test/jwks",
        "vault_keys": f"1:{_KEY}", "blind_index_key": _KEY, "state_dir": workplace.state,
    }  # fmt: skip
    return IntakeSettings(**values)


@asynccontextmanager
async def _deployment(workplace: Workplace, database: Database) -> AsyncIterator[Deployment]:
    deployment = Deployment(SERVICE, _settings(workplace, database))
    try:
        yield deployment
    finally:
        await deployment.close()


_TABLES = """
    select case schemaname when 'public' then tablename else schemaname || '.' || tablename end as name
    from pg_tables
    where schemaname in ('public', 'kernel')
        and tablename not in ('alembic_version', 'statement', 'react_from', 'audit', 'audit_block')
    order by tablename <> 'import', tablename <> 'household', tablename
"""
