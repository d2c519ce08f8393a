"""What handlers took must be able to say that something was taken twice or out of order."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import asyncpg
import pytest

from services.programs.handlers import router
from shared.events.intake import HouseholdRegistered
from shared.messaging import EventRouter
from tests.drills import handled
from tests.drills.announced import Announced
from tests.fixtures import DatabaseFactory


@pytest.mark.parametrize(
    ("sequences", "wrong"),
    [
        pytest.param([1, 2, 4], (3, 0, 0), id="each once and in order"),
        pytest.param([1, 2, 2, 3], (4, 1, 0), id="one twice"),
        pytest.param([1, 3, 2], (3, 0, 1), id="out of order"),
        pytest.param([1, 2, 3, 2], (4, 1, 0), id="an old one again"),
        pytest.param([None, None], (0, 0, 0), id="none with a number"),
    ],
)
async def test_what_was_taken_is_counted_once_and_in_order(
    database: DatabaseFactory, sequences: Sequence[int | None], wrong: tuple[int, int, int]
) -> None:
    connection = await asyncpg.connect((await database("programs")).dsn)
    await connection.execute(handled.TABLE)
    for topic, key in (("a", "1"), ("b", "1"), ("a", "2")):
        await _take(connection, topic, key, sequences if (topic, key) == ("a", "1") else [9])
    found = await handled.wrong(connection)
    await connection.close()
    others = 2
    assert (found["handled"] - others, found["twice"], found["out_of_order"]) == wrong


async def test_what_was_said_and_not_taken_is_missing_though_somebody_dismissed_it(database: DatabaseFactory) -> None:
    connection = await asyncpg.connect((await database("programs")).dsn)
    await connection.execute(handled.TABLE)
    announced = Announced("t")
    for offset, kind in enumerate([REGISTERED, REGISTERED, "id.tuntas.of-no-interest.v1", REGISTERED]):
        headers = [("ce_id", b"%d" % offset), ("ce_sequence", b"%d" % (offset + 1)), ("ce_type", kind.encode())]
        announced.note(SimpleNamespace(topic="t.intake.a", headers=headers, key=b"1", partition=0, offset=offset))
    await _take(connection, "t.intake.a", "1", [1])
    missing = [each.sequence for each in await handled.missing(connection, announced, router)]
    await connection.execute(_DISMISS, "t.intake.a", 3)
    left = [each.sequence for each in await handled.missing(connection, announced, router)]
    await connection.close()
    assert (missing, left) == ([2, 4], [2, 4])


def test_one_handler_of_each_type_writes_down_what_is_taken_and_says_its_name() -> None:
    mine = EventRouter(
        router.service,
        {e: list(h) for e, h in router.projections.items()},
        {e: list(h) for e, h in router.reactions.items()},
    )
    before = {event: list(hearers) for event, hearers in mine.projections.items()}
    handled.note(mine)
    for event, hearers in mine.projections.items():
        assert [each.name for each in hearers] == [each.name for each in before[event]]
        changed = [now is not then for now, then in zip(hearers, before[event], strict=True)]
        assert changed == [True] + [False] * (len(hearers) - 1)


async def _take(connection: asyncpg.Connection, topic: str, key: str, sequences: Sequence[int | None]) -> None:
    for offset, sequence in enumerate(sequences):
        await connection.execute(
            'insert into drill_handled (topic, partition, "offset", key, sequence, type, process)'
            " values ($1, 0, $2, $3, $4, 'any', 1)",
            topic, offset, key, sequence,
        )  # fmt: skip


REGISTERED = HouseholdRegistered.full_type()
_DISMISS = """
    insert into kernel.parked (
        id, topic, partition, "offset", key, reason, detail, record, key_version, state, settled_by, settled_reason
    )
    values (gen_random_uuid(), $1, 0, $2, '1', 'type-unknown', '{}', '', 1, 'dismissed', 'a drill', 'poison')
"""
