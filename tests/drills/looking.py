"""Looking into the deployments of a city while its processes run: figures, what is parked, what a rebuild makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from shared.deployment import Deployment
from shared.messaging.parking import find_parked, list_parked
from shared.messaging.rebuild import Rebuilt, digest, rebuild
from shared.messaging.redrive import dismiss, redrive
from shared.serve import find_service, read_settings
from tests.drills.handled import noting

if TYPE_CHECKING:
    from tests.drills.city import DrillCity

OPERATOR = "drill-operator"
BEHIND = "behind"
LOOKED_AT = "watch"
"""The table in which notifications keeps when it looked last: a clock, and no figure."""


@asynccontextmanager
async def opened(city: DrillCity, name: str) -> AsyncIterator[Deployment]:
    """A deployment as an operator's command opens it; what is handled by that is written down like anything else."""
    service = find_service(name.partition(".")[0])
    if name == city.notes:
        service = noting(service)
    deployment = Deployment(service, read_settings(service, city.operator.deployments_dir / f"{name}.env"))
    try:
        yield deployment
    finally:
        await deployment.close()


async def figures(city: DrillCity) -> dict[str, str]:
    """A digest of every table of every deployment, but of the kernel's own: equal digests, equal rows."""
    found: dict[str, str] = {}
    for name in city.here():
        async with opened(city, name) as deployment, deployment.sessions() as session:
            for table in deployment.declared.metadata.sorted_tables:
                if table.name != LOOKED_AT:
                    found[f"{name} {table.name}"] = await digest(session, [table])
    return found


async def rebuilt(city: DrillCity) -> dict[str, Rebuilt]:
    """The read tables of every deployment, emptied and folded again."""
    found: dict[str, Rebuilt] = {}
    for name in city.here():
        async with opened(city, name) as deployment:
            found[name] = await rebuild(deployment)
    return found


async def parked_by_reason(city: DrillCity) -> Counter[str]:
    """What waits for somebody anywhere, and why."""
    found = Counter[str]()
    for name in city.here():
        async with opened(city, name) as deployment, deployment.sessions() as session:
            rows = await session.execute(
                text("select reason, count(*) as n from kernel.parked where state = 'waiting' group by reason")
            )
            found.update({row.reason: row.n for row in rows})
    return found


async def redrive_all(city: DrillCity) -> int:
    """Re-drive the queues of every deployment once, 200 of each at most; how many records were handled."""
    handled = 0
    for name in city.here():
        async with opened(city, name) as deployment:
            async with deployment.sessions() as session:
                heads = [each for each in await list_parked(session) if each.reason != BEHIND]
            for head in heads:
                handled += (await redrive(deployment.kernel.hearing, head, by=OPERATOR)).handled
    return handled


async def redrive_those(city: DrillCity, reasons: Collection[str], *, most: int = 1_000_000) -> Counter[str]:
    """Re-drive every queue whose first record waits for one of these reasons; how many were handled, by deployment."""
    handled = Counter[str]()
    for name in city.here():
        async with opened(city, name) as deployment:
            async with deployment.sessions() as session:
                ids = (await session.execute(_HEADS, {"reasons": sorted(reasons), "most": most})).scalars().all()
                heads = [found for each in ids if (found := await find_parked(session, each)) is not None]
            for head in heads:
                handled[name] += (await redrive(deployment.kernel.hearing, head, by=OPERATOR)).handled
    return handled


async def dismiss_what_is_not_ours(city: DrillCity) -> tuple[int, int]:
    """Give up heads of queues, 200 of each deployment at most, that no relay of the city's has said.

    Our facts are numbered, and nobody forges profiles: one of ours that waits is left, for that it may not.

    Returns:
        How many were dismissed, and what was handled behind them.
    """
    dismissed = handled = 0
    for name in city.here():
        async with opened(city, name) as deployment:
            async with deployment.sessions() as session:
                ids = (await session.execute(_NOT_OURS, {"profiles": f"{city.topic_root}-profiles.%"})).scalars().all()
                heads = [found for each in ids if (found := await find_parked(session, each)) is not None]
            for head in heads:
                done = await dismiss(deployment.kernel.hearing, head, by=OPERATOR, reason="said by nobody of ours")
                dismissed, handled = dismissed + 1, handled + done.handled
    return dismissed, handled


_NOT_OURS = text(
    """
    select id from kernel.parked
    where state = 'waiting' and reason <> 'behind' and sequence is null and topic not like :profiles
    order by parked_at, "offset"
    limit 200
    """
)
_HEADS = text(
    """
    select id from kernel.parked
    where state = 'waiting' and reason = any(cast(:reasons as text[]))
    order by parked_at, "offset"
    limit :most
    """
)
