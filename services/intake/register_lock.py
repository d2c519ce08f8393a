"""The lock under which the register grows and changes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import text

from shared.driver import driver_in_transaction
from shared.messaging import Session
from shared.messaging.literals import as_array

REGISTER_LOCK: Final = 0x696E74616B65


async def lock_register(session: Session) -> None:
    """Nothing else changes in a deployment's register until the transaction ends.

    So an entry of a closed list never misses the household that enters while it is looked for.

    Every transaction locks in this order, so that none waits for one that waits for it: the file that it works
    through, this lock or a share of it, the numbers of its share in their order, the held row that it answers, then
    households, members and entries.
    """
    await session.execute(_WHOLE, {"lock": REGISTER_LOCK})


async def share_register(session: Session, numbers: Collection[bytes]) -> None:
    """Others may enter at the same time, but nobody with one of these numbers, until the transaction ends.

    So two registrations never give one number to two people. ``numbers`` are blind indexes, or digests of rows without
    a number; each is locked by its first eight bytes: two that share them only wait for each other.
    """
    locks = sorted({int.from_bytes(number[:8], signed=True) for number in numbers})
    await (await driver_in_transaction(session)).execute(_SHARE, REGISTER_LOCK, as_array(map(str, locks)))


_WHOLE: Final = text("select pg_advisory_xact_lock(:lock)")
_SHARE: Final = """
    with register as materialized (select pg_advisory_xact_lock_shared($1))
    select pg_advisory_xact_lock(number) from register, unnest(cast($2::text as bigint[])) as wanted(number)
"""
