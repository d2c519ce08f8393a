"""The Samarinda story: from a list of 9,032 persons to a freed place that the next family takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx2
from rich.console import Console

from local.city import City
from local.story import truth
from local.story.cast import Cast, progress_on
from local.story.chapters import business, cash, graduation, houses, province, register, second_look, settling, visits
from local.story.report import Report

CHAPTERS = (register, visits, cash, second_look, business, houses, province, graduation, settling)


Listener = Callable[[httpx2.Request], Awaitable[None]]


async def play(city: City, files: Path, report: Report, console: Console, listeners: Sequence[Listener] = ()) -> None:
    """Play all chapters over the public API, and gather the figures that services answer with.

    ``listeners`` are told of each request just before it is sent: a drill ends a process there.
    """
    limits = httpx2.Limits(max_connections=20)
    hooks = {"request": list(listeners)}
    async with httpx2.AsyncClient(limits=limits, event_hooks=hooks) as http:
        with progress_on(console) as progress:
            cast = Cast(city, files, truth.read(files / "answers.json"), report, http, console, progress)
            for chapter in CHAPTERS:
                await chapter.play(cast)
