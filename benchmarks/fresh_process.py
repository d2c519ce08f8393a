"""A benchmark in a process of its own: what earlier ones left in memory is no part of a figure."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import asyncpg
import structlog
import uvloop

from benchmarks.measuring import Result
from benchmarks.workplace import Workplace


def measure(name: str, workplace: Workplace) -> Result:
    """Run the module of that name in a fresh interpreter, and give what it measured. Raises what it raised."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure, name, workplace).result()


def _measure(name: str, workplace: Workplace) -> Result:
    # What the measured code tells its operators would bury the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return uvloop.run(_run(name, workplace))


async def _run(name: str, workplace: Workplace) -> Result:
    result: Result = await importlib.import_module(f"benchmarks.{name}").run(workplace)
    connection = await asyncpg.connect(workplace.stack.postgres_admin_dsn)
    try:
        fsync, synchronous_commit = [await connection.fetchval(f"show {each}") for each in _PROMISES]
    finally:
        await connection.close()
    return replace(result, fsync=fsync == "on", synchronous_commit=synchronous_commit)


_PROMISES = ("fsync", "synchronous_commit")
"""Settings of PostgreSQL that a figure depends on."""
