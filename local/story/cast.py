"""Who takes part in the story, and what they have in common: the city, the files, the truth, the report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.city import City
from local.people import PeopleFile
from local.story.desk import Desk, IssuerTokens
from local.story.patience import timed, until
from local.story.report import Report
from local.story.truth import ListedFamily, Truth

ZONE: Final = ZoneInfo("Asia/Makassar")
DINSOS, DINKOP, PUPR = "dinsos-samarinda", "dinkop-samarinda", "pupr-samarinda"
COHORT: Final = "P3KE-9000"
HEARD_WITHIN_S: Final = 120.0


@dataclass
class Household:
    """A family of the closed list as the officers came to know it."""

    id: UUID
    family: ListedFamily
    case_id: UUID
    member_rows: dict[UUID, int]
    """Member id → row of the sending register, known from looking at the identity before the visit."""


@dataclass
class Cast:
    """The city and the people who work in it."""

    city: City
    files: Path
    truth: Truth
    report: Report
    http: httpx2.AsyncClient
    console: Console
    progress: Progress
    households: dict[UUID, Household] = field(default_factory=dict)
    payment_lists: dict[str, list[str]] = field(default_factory=dict)
    """Programme → its payment lists, in the order in which they were made."""
    _tokens: IssuerTokens | None = None
    _desks: dict[tuple[str, str, str], Desk] = field(default_factory=dict)

    def tell(self, words: str) -> None:
        """Say what happened, above the progress bars."""
        self.progress.console.print(f"  {words}", markup=False, highlight=False)

    def desk(self, service: str, agency: str, title: str) -> Desk:
        """The desk of somebody of an agency, by the last part of their subject."""
        return self.desk_of(service, agency, f"{agency}.{title}")

    def desk_of(self, service: str, agency: str, subject: str) -> Desk:
        known = self._desks.get((service, agency, subject))
        if known is None:
            self._tokens = self._tokens or IssuerTokens(self.http, f"{self.city.issuer_url}/token")
            known = Desk(self.http, self._tokens, self.city.url(service, agency), subject)
            self._desks[service, agency, subject] = known
        return known

    def programs_agencies(self) -> list[str]:
        """The agencies whose programs deployment runs in this city."""
        named = (name.partition(".") for name in self.city.here())
        return [agency for service, _, agency in named if service == "programs"]

    def people(self) -> PeopleFile:
        return PeopleFile(self.city.state / "people.yaml")

    def move_to(self, day: str, hour: int = 9) -> datetime:
        """Let the city's clock stand at an hour of a day."""
        moment = datetime.fromisoformat(day).replace(hour=hour, tzinfo=ZONE)
        self.city.move_clock(moment)
        return moment

    @asynccontextmanager
    async def chapter(self, phase: str, title: str) -> AsyncIterator[None]:
        """Tell what begins, and add its seconds to the report."""
        self.progress.console.print(f"[bold]{title}[/bold]")
        async with timed(self.report.seconds, phase):
            yield

    @asynccontextmanager
    async def bar(self, words: str, total: int) -> AsyncIterator[Any]:
        """A progress bar; call what it gives with how far it is."""
        task = self.progress.add_task(words, total=max(1, total))
        yield lambda done: self.progress.update(task, completed=done)
        self.progress.update(task, completed=max(1, total))

    async def heard(self, desk: Desk, path: str, holds: Any, what: str, **query: Any) -> Any:
        """Wait until another service has heard what was announced, as somebody who looks again would see it."""
        return await until(lambda: desk.get(path, **query), holds, what, within_s=HEARD_WITHIN_S)


def progress_on(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
