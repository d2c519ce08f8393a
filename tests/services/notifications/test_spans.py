"""Spans are written as if all of their owners were deleted and inserted again; a fact is kept as it was said."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.notifications.models import STAGE_SPANS
from services.notifications.remember import row_of
from services.notifications.rules.stages import Stage
from services.notifications.spans import replace_spans
from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event, Fact
from tests.fixtures.deployments import TestDeployment
from tests.services.notifications.story import DAY_ONE, KELURAHAN, an_id

HOUSEHOLDS = [an_id(f"spans/{number}") for number in range(4)]


def some_spans(chance: random.Random) -> list[dict[str, Any]]:
    """A few spans of each household, which differ from those of another call here and there."""
    return [
        {
            "household_id": household, "stage": stage, "since": DAY_ONE + timedelta(days=day),
            "until": chance.choice([None, DAY_ONE + timedelta(days=9)]), "region": KELURAHAN,
            "persons": chance.randint(1, 2),
        }
        for household in HOUSEHOLDS for stage in Stage for day in chance.sample(range(3), chance.randint(0, 2))
    ]  # fmt: skip


async def test_what_was_written_over_is_what_was_written_first(notifications: TestDeployment) -> None:
    chance = random.Random(2022)
    standing: list[dict[str, Any]] = []
    for _ in range(12):
        owners = chance.sample(HOUSEHOLDS, chance.randint(0, len(HOUSEHOLDS)))
        given = [row for row in some_spans(chance) if row["household_id"] in owners]
        async with notifications.transaction() as session:
            await replace_spans(session, STAGE_SPANS, owners, given)
        standing = [row for row in standing if row["household_id"] not in owners] + given
        found = [dict(row._mapping) for row in await notifications.fetch("select * from stage_span")]
        assert sorted(found, key=_key) == sorted(standing, key=_key)
    assert standing


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["household_id"]), row["stage"], str(row["since"])


async def test_what_stands_as_it_should_is_not_written_again(notifications: TestDeployment) -> None:
    spans = some_spans(random.Random(1))
    written = []
    for _ in range(2):
        async with notifications.transaction() as session:
            await replace_spans(session, STAGE_SPANS, HOUSEHOLDS, spans)
        query = "select ctid::text as place, xmin::text as writer, xmax::text as locker from stage_span order by ctid"
        written.append(await notifications.fetch(query))
    assert written[0] == written[1]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.type)
def test_a_fact_is_kept_as_the_contract_says_it(contract: type[Event]) -> None:
    event = contract.from_example()
    fact = Fact(
        uuid4(), contract.full_type(), "/agencies/a/b", contract.announcer, "a", event.subject, b"", DAY_ONE, 1,
        uuid4(), None, "topic", 0, 0,
    )  # fmt: skip
    assert orjson.loads(orjson.dumps(row_of(event, fact)["body"])) == event.model_dump(mode="json")
