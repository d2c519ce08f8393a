"""How new each deployment's figures are: when it was heard last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from services.notifications.models import HEARD
from shared.directory import AgencyStatus, Directory
from shared.directory import Deployment as Entry
from shared.messaging import Session
from shared.messaging.announcing import source_of


@dataclass(frozen=True, slots=True)
class Freshness:
    """A deployment of the directory, and the moment of the newest fact that was heard of it."""

    service: str
    agency: str
    agency_name: str
    region: str
    runs_here: bool
    source: str
    last_heard_at: datetime | None


async def freshness_of(session: Session, directory: Directory) -> list[Freshness]:
    """Every deployment of agencies in office that announces, in the order of the directory."""
    entries = [entry for entry in directory.deployments() if _announces(entry, directory)]
    heard = await _last_heard(session, [source_of(entry.service, entry.agency) for entry in entries])
    return [_freshness(entry, directory, heard) for entry in entries]


def _announces(entry: Entry, directory: Directory) -> bool:
    in_office = directory.agency(entry.agency).status is not AgencyStatus.REMOVED
    return in_office and entry.service != "notifications"


def _freshness(entry: Entry, directory: Directory, heard: dict[str, datetime]) -> Freshness:
    source = source_of(entry.service, entry.agency)
    agency = directory.agency(entry.agency)
    return Freshness(
        service=entry.service,
        agency=entry.agency,
        agency_name=agency.name,
        region=agency.region,
        runs_here=entry.runs == "here",
        source=source,
        last_heard_at=heard.get(source),
    )


async def _last_heard(session: Session, sources: Sequence[str]) -> dict[str, datetime]:
    # One look into the index per source, instead of a pass over all facts.
    found: dict[str, datetime] = {}
    for source in sources:
        last = await session.scalar(select(func.max(HEARD.c.at)).where(HEARD.c.source == source))
        if last is not None:
            found[source] = last
    return found
