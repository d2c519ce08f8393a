"""Write the spans of households and entries anew: what stands already as it should is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from shared.driver import driver_in_transaction
from shared.messaging import Session
from shared.messaging.literals import as_array

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


async def replace_spans(
    session: Session, table: Table, owners: Iterable[UUID], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Let these be all rows of these owners; the first column of the table's primary key is the owner.

    As if all were deleted and written again, but a fact mostly leaves the past as it was: only what differs is written.
    """
    driver = await driver_in_transaction(session)
    # The ids that the driver gives are UUIDs of a class of its own.
    given = orjson.dumps(rows, default=str).decode()
    await driver.execute(_replacing(table), given, as_array(map(str, owners)))


@cache
def _replacing(table: Table) -> str:
    keys = [column.name for column in table.primary_key.columns]
    values = [column.name for column in table.columns if column.name not in keys]
    key, every = ", ".join(keys), ", ".join([*keys, *values])
    given = ", ".join(f"{name} {table.c[name].type.compile(_DIALECT)}" for name in (*keys, *values))
    same = " and ".join(f"{table.name}.{name} = gone.{name}" for name in keys)
    changed = ", ".join(f"{name} = excluded.{name}" for name in values)
    # "Except" takes nulls for equal.
    return f"""
        with given as materialized (select {every} from json_to_recordset($1::text::json) as given({given})),
        standing as materialized (
            select {every} from {table.name} where {keys[0]} in (select unnest($2::text::uuid[]))
        ),
        deleted as (
            delete from {table.name}
            using (select {key} from standing except select {key} from given) as gone where {same}
        )
        insert into {table.name} ({every})
        select {every} from given except select {every} from standing order by {key}
        on conflict ({key}) do update set {changed}
    """
