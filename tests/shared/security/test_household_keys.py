"""Household keys in a real database: made once, erased for good, wrapped anew in chunks."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from shared.problem import Problem
from shared.security import (
    Vault,
    VaultError,
    erase_household_key,
    household_key,
    household_keys,
    rotate_household_keys,
)
from shared.security.tables import household_keys as table
from shared.security.tables import metadata
from tests.fixtures import DatabaseFactory

KEY_1, KEY_2, INDEX = (bytes([n]) * 32 for n in (1, 2, 3))
VAULT = Vault({1: KEY_1}, INDEX)
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def sessions(database: DatabaseFactory) -> Sessions:
    empty = await database("intake", migrated=False)
    async with empty.engine.begin() as connection:
        await connection.execute(text("create schema kernel"))
        await connection.run_sync(metadata.create_all)
    return async_sessionmaker(empty.engine, expire_on_commit=False)


async def test_a_key_is_made_once_however_many_ask(sessions: Sessions) -> None:
    household_id = uuid4()

    async def seal(word: str) -> bytes:
        async with sessions.begin() as session:
            return (await household_key(session, VAULT, household_id, create=True)).seal("name", word)

    sealed = await asyncio.gather(*(seal(f"word {n}") for n in range(10)))
    async with sessions() as session:
        key = await household_key(session, VAULT, household_id)
        assert [key.open("name", each) for each in sealed] == [f"word {n}" for n in range(10)]


async def test_many_keys_come_at_once_and_unknown_ones_are_left_out(sessions: Sessions) -> None:
    known = [uuid4() for _ in range(5_000)]
    async with sessions.begin() as session:
        made = await household_keys(session, VAULT, known, create=True)
        assert made.keys() == set(known)
    async with sessions() as session:
        assert (await household_keys(session, VAULT, [*known, uuid4()])).keys() == set(known)
        assert await household_keys(session, VAULT, []) == {}


async def test_an_erased_household_opens_no_more(sessions: Sessions) -> None:
    household_id = uuid4()
    async with sessions.begin() as session:
        sealed = (await household_key(session, VAULT, household_id, create=True)).seal("nik", "6472054507790001")
        await erase_household_key(session, household_id)
    async with sessions.begin() as session:
        with pytest.raises(Problem, match="household-key-missing"):
            await household_key(session, VAULT, household_id)
        fresh = await household_key(session, VAULT, household_id, create=True)
        with pytest.raises(VaultError):
            fresh.open("nik", sealed)


async def test_rotation_goes_in_chunks_and_ends(sessions: Sessions) -> None:
    ids = [uuid4() for _ in range(25)]
    async with sessions.begin() as session:
        sealed = {
            key.household_id: key.seal("nik", "1")
            for key in (await household_keys(session, VAULT, ids, create=True)).values()
        }

    rotated = Vault({1: KEY_1, 2: KEY_2}, INDEX)
    done: list[int] = []
    while not done or done[-1]:
        async with sessions.begin() as session:
            done.append(await rotate_household_keys(session, rotated, limit=10))
    assert done == [10, 10, 5, 0]

    without_the_first = Vault({2: KEY_2}, INDEX)
    async with sessions() as session:
        assert set(await session.scalars(select(table.c.key_version))) == {2}
        keys = await household_keys(session, without_the_first, ids)
        assert all(keys[household_id].open("nik", each) == "1" for household_id, each in sealed.items())
