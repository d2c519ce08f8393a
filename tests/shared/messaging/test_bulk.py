"""Rows by one statement: in their order, the highest revision wins, and JSON stays JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import BigInteger, Column, Date, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.messaging import insert_rows, upsert_newer
from shared.messaging.bulk import HeldRows
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE

SEEN = Table(
    "test_seen",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("revision", BigInteger),
    Column("said", JSONB),
    Column("on", Date),
)


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> TestDeployment:
    deployment = await deployment_of(SERVICE)
    async with deployment.transaction() as session:
        await session.execute(
            text(
                "create table test_seen "
                '(id uuid, kind text, revision bigint, said jsonb, "on" date, primary key (id, kind))'
            )
        )
    return deployment


def row(key: UUID, revision: int, said: Any = None) -> dict[str, Any]:
    return {"id": key, "kind": "k", "revision": revision, "said": said}


async def seen(city: TestDeployment) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in await city.fetch("select id, revision, said from test_seen order by ctid")]


@pytest.mark.parametrize("many", [5, 300])
async def test_rows_are_inserted_in_their_order(city: TestDeployment, many: int) -> None:
    rows = [row(uuid4(), n, {"n": [n, None, "é"]}) for n in range(many)]
    async with city.transaction() as session:
        await insert_rows(session, SEEN, rows)
        await insert_rows(session, SEEN, [])
    assert await seen(city) == [(each["id"], each["revision"], each["said"]) for each in rows]


async def test_the_highest_revision_wins_within_a_batch_and_across(city: TestDeployment) -> None:
    one, other = uuid4(), uuid4()
    async with city.transaction() as session:
        await upsert_newer(session, SEEN, [row(one, 2, "b"), row(other, 1), row(one, 1, "a")], newer="revision")
    async with city.transaction() as session:
        await upsert_newer(session, SEEN, [row(one, 1, "late"), row(other, 7, [7])], newer="revision")
    assert sorted(await seen(city)) == sorted([(one, 2, "b"), (other, 7, [7])])


async def test_the_first_of_equal_revisions_stays(city: TestDeployment) -> None:
    one = uuid4()
    async with city.transaction() as session:
        await upsert_newer(session, SEEN, [row(one, 1, "first"), row(one, 1, "second")], newer="revision")
        await upsert_newer(session, SEEN, [row(one, 1, "third")], newer="revision")
    assert await seen(city) == [(one, 1, "first")]


async def test_a_column_that_is_not_named_keeps_what_it_holds(city: TestDeployment) -> None:
    one = uuid4()
    async with city.transaction() as session:
        await session.execute(text("insert into test_seen values (:id, 'k', 1, null, date '2022-12-05')"), {"id": one})
        await upsert_newer(session, SEEN, [row(one, 2)], newer="revision")
    assert [(each.revision, str(each.on)) for each in await city.fetch('select revision, "on" from test_seen')] == [
        (2, "2022-12-05")
    ]


async def test_a_table_into_which_a_rebuild_inserts_does_not_pass_for_empty(city: TestDeployment) -> None:
    one, other = uuid4(), uuid4()

    async def emptied() -> list[Table]:
        return [SEEN]

    async with city.transaction() as session:
        held = HeldRows(session, await session.connection(), emptied, rows_max=100)
        await insert_rows(session, SEEN, [row(one, 1, "inserted")])
        await upsert_newer(session, SEEN, [row(one, 2, "newer"), row(other, 1, "held")], newer="revision")
        await held.write()
    assert sorted(await seen(city)) == sorted([(one, 2, "newer"), (other, 1, "held")])
