"""A benchmark in a process of its own: what earlier ones left in memory is no part of a figure."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

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
    result: Result = uvloop.run(importlib.import_module(f"benchmarks.{name}").run(workplace))
    return result
