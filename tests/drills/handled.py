"""What the handlers of one deployment took, written down as they took it: nothing twice, and in its household's order.

Each record is noted once, by the first handler of its type, in the transaction of its effects: what is undone is not
noted, and what two processes do twice is noted twice.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
from sqlalchemy import text

from shared.events.envelope import Fact
from shared.messaging.routing import EventRouter, Hearer, arguments
from shared.service import Service
from tests.drills.announced import Announced, Numbered

TABLE = """
    create table drill_handled (
        place bigint generated always as identity,
        topic text not null,
        partition integer not null,
        "offset" bigint not null,
        key text not null,
        sequence bigint,
        type text not null,
        process integer not null
    )
"""
"""Places ascend as records are handled: whoever handles a key holds its mark."""


def note(router: EventRouter) -> None:
    """From now on this router's handlers write down what they take."""
    for event in {*router.projections, *router.reactions}:
        hearers = router.projections.get(event) or router.reactions[event]
        hearers[0] = replace(hearers[0], function=_noting(hearers[0]), wants_fact=True)


def noting(service: Service) -> Service:
    """The same service, with handlers of its own that write down what they take."""
    events = service.events
    router = replace(
        events,
        projections={event: list(hearers) for event, hearers in events.projections.items()},
        reactions={event: list(hearers) for event, hearers in events.reactions.items()},
    )
    note(router)
    return replace(service, events=router)


async def wrong(connection: asyncpg.Connection) -> dict[str, int]:
    """How many numbered facts were ``handled``, how many of them ``twice``, and how many ``out_of_order``."""
    return dict(await connection.fetchrow(_WRONG))


async def missing(connection: asyncpg.Connection, announced: Announced, router: EventRouter) -> list[Numbered]:
    """Numbered facts that these handlers had to take and did not, whatever somebody did with them."""
    awaited = {event.full_type() for event in {*router.projections, *router.reactions}}
    taken = {tuple(row) for row in await connection.fetch("select distinct topic, key, sequence from drill_handled")}
    return [
        fact
        for fact, where in announced.facts.items()
        if where.type in awaited and (fact.topic, fact.key.decode(), fact.sequence) not in taken
    ]


def _noting(hearer: Hearer) -> Callable[..., Awaitable[None]]:
    async def noting(events: Any, session: Any, facts: Any) -> None:
        await hearer.function(*arguments(hearer, events, session, facts))
        taken: Sequence[Fact] = facts if hearer.batch else [facts]
        await session.execute(
            _TAKE,
            {
                "topics": [each.topic for each in taken],
                "partitions": [each.partition for each in taken],
                "offsets": [each.offset for each in taken],
                "keys": [each.key.decode() for each in taken],
                "sequences": [each.sequence for each in taken],
                "types": [each.type for each in taken],
                "process": os.getpid(),
            },
        )

    noting.__module__, noting.__name__ = hearer.function.__module__, hearer.function.__name__
    return noting


_TAKE = text(
    """
    insert into drill_handled (topic, partition, "offset", key, sequence, type, process)
    select topic, partition, "offset", key, sequence, type, :process
    from unnest(
        cast(:topics as text[]), cast(:partitions as integer[]), cast(:offsets as bigint[]), cast(:keys as text[]),
        cast(:sequences as bigint[]), cast(:types as text[])
    ) with ordinality as taken(topic, partition, "offset", key, sequence, type, place)
    order by place
    """
)
# Records without a number are told apart by their offsets only: sent again, they are handled again.
_WRONG = """
    with numbered as (
        select
            *,
            row_number() over (partition by topic, key, sequence order by place) as time,
            max(sequence) over (
                partition by topic, key order by place rows between unbounded preceding and 1 preceding
            ) as highest_before
        from drill_handled
        where sequence is not null
    )
    select
        count(*) as handled,
        count(*) filter (where time > 1) as twice,
        count(*) filter (where time = 1 and sequence < highest_before) as out_of_order
    from numbered
"""
