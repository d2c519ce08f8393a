"""A register that is already big: households of four, each with its card, put into intake's tables by PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

PERSONS_PER_HOUSEHOLD: Final = 4


async def fill(connection: asyncpg.Connection[Any], persons: int) -> None:
    """Households of four with indexes as random as real ones; the sealed fields are as long as real ones."""
    await connection.execute(_HOUSEHOLDS.format(count=persons // PERSONS_PER_HOUSEHOLD))
    await connection.execute(_CARDS)
    await connection.execute(_MEMBERS.format(per=PERSONS_PER_HOUSEHOLD))
    await connection.execute("vacuum analyze household, family_card, member")


_HOUSEHOLDS: Final = """
    insert into household (id, region, registers, address, key_version, state, revision, registered_at, updated_at)
    select uuidv7(), '64.72.05.1002', '["own"]', decode(repeat('a5', 73), 'hex'), 1, 'active', 1, now(), now()
    from generate_series(1, {count})
"""
_MEMBERS: Final = """
    insert into member (
        id, household_id, identity, key_version, nik_index, name_index, sex, birth_year, relation, dukcapil, warnings,
        state, row_digest
    )
    select uuidv7(), household.id, decode(repeat('a5', 130), 'hex'), 1, sha256(uuid_send(gen_random_uuid())),
        array[substr(sha256(int4send(random(1, 300))), 1, 16)], 'male', 1980,
        case place when 1 then 'head' else 'child' end, 'unchecked', '[]', 'active',
        sha256(uuid_send(gen_random_uuid()))
    from household, generate_series(1, {per}) as place
"""
_CARDS: Final = """
    insert into family_card (id, household_id, kk_index, number, key_version, valid_from)
    select uuidv7(), id, sha256(uuid_send(gen_random_uuid())), decode(repeat('a5', 49), 'hex'), 1, '2020-01-01'
    from household
"""
