"""What falls due: a look for deployments of which nothing is heard any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.notifications.freshness import Freshness, freshness_of
from services.notifications.models import SILENCES, WATCHES
from services.notifications.places import zone_of
from services.notifications.rules.silence import goes_on_watching, is_silent
from services.notifications.settings import NotificationsSettings
from shared.deployment import deployment_of_session
from shared.directory import is_within
from shared.events.notifications import AgencySilent
from shared.messaging import Due, Session, TimerRouter, announce, schedule

if TYPE_CHECKING:
    from shared.deployment import Deployment

LOOK = "look-for-silence"
DEPLOYMENT_IDS = UUID("5f1c9a52-5d0e-5b7e-9f53-1f0d5c1f5a10")
"""Namespace in which a deployment's id follows from its source."""

timers = TimerRouter(service="notifications")


async def begin_watch(deployment: Deployment) -> None:
    """Schedule the first look. Every process does it at its start; a look that is due already is only moved."""
    async with deployment.sessions() as session:
        await schedule(session, LOOK, at=deployment.clock.now(), key="all")
        await deployment.kernel.commit(session)


@timers.due(LOOK)
async def look_for_silence(due: Due, session: Session) -> None:
    """Announce each deployment that fell silent, once per silence, and look again later."""
    deployment = deployment_of_session(session)
    settings = deployment.settings
    assert isinstance(settings, NotificationsSettings)  # noqa: S101 - app.py declares these settings
    now, every = deployment.clock.now(), timedelta(minutes=settings.silence_check_minutes)
    since = await _watched_since(session, now, every)
    for each in await freshness_of(session, deployment.directory.current()):
        if each.last_heard_at is None or not each.runs_here:
            continue
        after = timedelta(minutes=settings.silent_after_minutes)
        if is_silent(each.last_heard_at, since, now, zone_of(each.region), after):
            # What is said of an agency that works beyond this deployment's region is said of the region.
            inside = is_within(each.region, deployment.settings.region)
            await _tell_once(session, each, each.last_heard_at, each.region if inside else deployment.settings.region)
    await schedule(session, LOOK, at=now + every, key=due.key)


async def _watched_since(session: Session, now: datetime, every: timedelta) -> datetime:
    """Since when looks have followed each other without a break; notes this one."""
    row = (await session.execute(select(WATCHES).where(WATCHES.c.kind == LOOK).with_for_update())).one_or_none()
    since: datetime = row.since if row is not None and goes_on_watching(row.looked_at, now, every) else now
    statement = upsert(WATCHES).values(kind=LOOK, since=since, looked_at=now)
    newer = {"since": statement.excluded.since, "looked_at": statement.excluded.looked_at}
    await session.execute(statement.on_conflict_do_update(index_elements=["kind"], set_=newer))
    return since


async def _tell_once(session: Session, silent: Freshness, last_heard_at: datetime, region: str) -> None:
    told = upsert(SILENCES).values(source=silent.source, last_heard_at=last_heard_at)
    newer = told.on_conflict_do_update(
        index_elements=["source"],
        set_={"last_heard_at": told.excluded.last_heard_at},
        where=SILENCES.c.last_heard_at < told.excluded.last_heard_at,
    ).returning(SILENCES.c.source)
    if (await session.execute(newer)).one_or_none() is None:
        return
    announce(
        session,
        AgencySilent(
            deployment_id=uuid5(DEPLOYMENT_IDS, silent.source),
            region=region,
            service=silent.service,
            agency=silent.agency,
            last_heard_at=last_heard_at,
        ),
    )
