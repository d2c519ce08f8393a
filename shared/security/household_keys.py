"""The wrapped household keys of one deployment's database."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, cast, delete, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from shared.problem import Problem
from shared.security.tables import household_keys as table
from shared.security.vault import HouseholdKey, Vault


async def household_keys(
    session: AsyncSession, vault: Vault, household_ids: Collection[UUID], *, create: bool = False
) -> dict[UUID, HouseholdKey]:
    """The keys of many households in two or three statements. Unknown ones are left out, or made with `create`."""
    wanted = set(household_ids)
    keys = await _stored(session, vault, wanted)
    missing = sorted(wanted - keys.keys())
    if missing and create:
        made = {household_id: vault.new_household_key(household_id) for household_id in missing}
        values = {"ids": missing, "wrapped": [made[each][1] for each in missing], "version": vault.key_version}
        stored = set((await session.execute(_STORE, values)).scalars())
        keys |= {household_id: made[household_id][0] for household_id in stored}
        if len(stored) < len(missing):
            # Another transaction was quicker with some of them: what is stored counts.
            keys |= await _stored(session, vault, set(missing) - stored)
    return keys


async def household_key(
    session: AsyncSession, vault: Vault, household_id: UUID, *, create: bool = False
) -> HouseholdKey:
    """The key of one household. Raises the problem `household-key-missing` (404) when it was erased or never made."""
    keys = await household_keys(session, vault, [household_id], create=create)
    try:
        return keys[household_id]
    except KeyError:
        raise Problem("household-key-missing", status=404) from None


async def erase_household_key(session: AsyncSession, household_id: UUID) -> None:
    """Erases a household's identity in this database: without its key no ciphertext of it opens again."""
    await session.execute(delete(table).where(table.c.household_id == household_id))


async def rotate_household_keys(session: AsyncSession, vault: Vault, limit: int = 1_000) -> int:
    """Wraps up to `limit` household keys anew under the newest deployment key, and says how many it did.

    Call until it says 0, one transaction each; then the older deployment keys may be taken away.
    """
    old = (
        select(table.c.household_id, table.c.wrapped)
        .where(table.c.key_version != vault.key_version)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.execute(old)).all()
    if rows:
        statement = (
            update(table)
            .where(table.c.household_id == bindparam("of"))
            .values(wrapped=bindparam("new"), key_version=vault.key_version)
        )
        connection = await session.connection()
        await connection.execute(
            statement, [{"of": row.household_id, "new": vault.rewrap(row.household_id, row.wrapped)} for row in rows]
        )
    return len(rows)


_STORE = text(
    """
    insert into kernel.household_key (household_id, wrapped, key_version)
    select household_id, wrapped, :version
    from unnest(cast(:ids as uuid[]), cast(:wrapped as bytea[])) as made(household_id, wrapped)
    on conflict do nothing
    returning household_id
    """
)


async def _stored(session: AsyncSession, vault: Vault, household_ids: set[UUID]) -> dict[UUID, HouseholdKey]:
    asked = cast(list(household_ids), ARRAY(Uuid))
    query = select(table.c.household_id, table.c.wrapped).where(table.c.household_id == any_(asked))
    rows = await session.execute(query)
    return {row.household_id: vault.household_key(row.household_id, row.wrapped) for row in rows}
