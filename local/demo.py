"""`make demo`: the Samarinda story, all of it real, from an empty machine to a board that one can open."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from local.city import City
from local.stack import Stack, StackError, state_folder
from local.stack.processes import dies_with_parent, stop, try_to_hold
from local.story.report import Report
from local.story.samarinda import play
from shared.logging import configure_logging

FAMILIES = 8_900
SEED = 64

app = cyclopts.App(name="make demo", help=__doc__)


@dataclass(frozen=True)
class Options:
    """What the person who started the demo asked for."""

    exit: bool
    report: Path | None
    families: int
    seed: int


@app.default
def main(
    *,
    exit_when_settled: Annotated[bool, Parameter(name="--exit", help="End when everything has settled.")] = False,
    report: Annotated[Path | None, Parameter(help="Write the figures to this file as JSON.")] = None,
    families: Annotated[int, Parameter(help="Families of the register; the closed list scales with it.")] = FAMILIES,
    seed: Annotated[int, Parameter(help="Seed of the generated register.")] = SEED,
) -> int:
    """Play the story and, without --exit, serve until Ctrl-C."""
    configure_logging("error", stream=sys.stderr)
    # A pipe has no width of its own, and the tables would lose their figures.
    console = Console(width=None if sys.stdout.isatty() else 120)
    options = Options(exit_when_settled, report, families, seed)
    folder = state_folder() / "demo"
    if try_to_hold(folder.with_suffix(".lock")) is None:
        console.print(f"A demo runs already on {folder}: end it first, or set TUNTAS_STATE to another folder.")
        return 1
    try:
        return asyncio.run(_demo(folder, options, console))
    except StackError as error:
        console.print(str(error), style="bold", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


async def _demo(folder: Path, options: Options, console: Console) -> int:
    report, began = Report(), time.monotonic()
    console.print("Tuntas: the story of a city that works through its list of the poorest.", style="bold")
    # A demo begins in an empty city: what an earlier one left belongs to databases that are gone.
    shutil.rmtree(folder / "city", ignore_errors=True)
    shutil.rmtree(folder / "files", ignore_errors=True)
    with (
        _register_written(folder / "files", options) as register,
        Stack(folder / "stack", fresh=True, say=console.print) as stack,
    ):
        report.seconds["stack"] = round(time.monotonic() - began, 1)
        console.print(stack.addresses.summary())
        began = time.monotonic()
        async with _until_signalled() as ended, City(stack.addresses, folder / "city", say=console.print) as city:
            report.seconds["city"] = round(time.monotonic() - began, 1)
            began = time.monotonic()
            await asyncio.to_thread(register.wait)
            report.seconds["register"] = round(time.monotonic() - began, 1)
            story = asyncio.create_task(_story(city, folder / "files", report, console))
            await asyncio.wait([story, ended], return_when=asyncio.FIRST_COMPLETED)
            if not story.done():
                story.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await story
                return 130
            story.result()
            _show(city, report, options, console)
            if not options.exit:
                console.print("Serving. Ctrl-C ends it and leaves no process behind.")
                await ended
    return 0


@contextlib.contextmanager
def _register_written(files: Path, options: Options) -> Iterator[subprocess.Popen[bytes]]:
    """Have the register's files written by a process of its own while the stack starts; its memory goes with it."""
    size = ["--seed", str(options.seed), "--families", str(options.families)]
    command = [sys.executable, "-m", "local.register", "--out", str(files), *size]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=dies_with_parent(signal.SIGKILL))
    try:
        yield process
    finally:
        stop(process, [])


async def _story(city: City, files: Path, report: Report, console: Console) -> None:
    if not (files / "answers.json").exists():
        raise StackError(f"The register was not written to {files}; is --families between 100 and 8900?")
    await play(city, files, report, console)
    report.memory_mb = {name: round(mb, 1) for name, mb in city.resident_mb().items()}
    report.memory_mb["all"] = round(sum(report.memory_mb.values()), 1)


def _show(city: City, report: Report, options: Options, console: Console) -> None:
    report.show(console)
    if options.report is not None:
        report.write(options.report)
        console.print(f"Figures: {options.report}")
    if not options.exit:
        console.print("Open:")
        for name in city.here():
            service, _, agency = name.partition(".")
            console.print(f"  {name:<32} {city.url(service, agency)}/")


@asynccontextmanager
async def _until_signalled() -> AsyncIterator[asyncio.Task[bool]]:
    """A task that ends at the first Ctrl-C or SIGTERM; a second one ends the process the hard way."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def told() -> None:
        event.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, told)
    waiting = asyncio.create_task(event.wait())
    try:
        yield waiting
    finally:
        waiting.cancel()
        for number in numbers:
            loop.remove_signal_handler(number)


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
