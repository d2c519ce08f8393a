"""`python -m benchmarks [--size small|full] [--only NAME …] [--report FILE]`: measure, print and write."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from benchmarks.fresh_process import measure
from benchmarks.measuring import Result
from benchmarks.report import keep, report_of
from benchmarks.workplace import Size, Workplace
from local.stack import Stack, state_folder

BENCHMARKS = (
    "http_registrations",
    "bulk_import",
    "consumed_events",
    "relay",
    "disbursement",
    "rebuild",
    "latency",
    "duplicate_lookup",
    "scaling",
    "load_cost",
    "soak",
)
"""In the order of the report; each is the module of that name with ``async def run(workplace) -> Result``."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=[each.value for each in Size], default=Size.FULL.value)
    parser.add_argument("--only", nargs="*", default=list(BENCHMARKS), choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--report", type=Path, help="build/bench.json; of a small run, build/bench-small.json")
    asked = parser.parse_args()
    report: Path = asked.report or report_of(Size(asked.size))
    measured = False
    broken: list[str] = []
    with Stack(state_folder() / "bench", fresh=True) as stack:
        print(stack.addresses.summary())
        for name in asked.only:
            began = time.monotonic()
            workplace = Workplace(stack.addresses, state_folder() / "bench-work", Size(asked.size))
            try:
                result = measure(name, workplace)
            except Exception:  # noqa: BLE001 - the others are measured all the same, and the exit says it
                traceback.print_exc()
                broken.append(name)
                continue
            measured = True
            print(f"{line(result)}   ({time.monotonic() - began:.0f} s)", flush=True)
            keep(report, result, workplace.size, BENCHMARKS)
    print(f"Figures: {report}" if measured else "No figures.")
    if broken:
        print(f"Broke: {', '.join(broken)}")
    return int(bool(broken))


def line(result: Result) -> str:
    """One benchmark, for people."""
    reference = "" if result.reference is None else f" against {result.reference:,.1f}"
    said = {True: ", met", False: ", NOT met", None: ""}[result.met]
    return (
        f"{result.name:<22}{result.ours:>12,.1f}{reference} {result.unit}: ratio {result.ratio:.3f}, "
        f"goal {result.goal}{said}"
    )


if __name__ == "__main__":
    sys.exit(main())
