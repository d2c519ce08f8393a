"""Many rows of one table by COPY, in the transaction of a session: a fraction of what INSERT costs the client.

For any service that writes rows by the hundred. A COPY is a statement like any other: indexes, constraints and triggers
hold, and its rows are there with the commit or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import asyncpg
import orjson
from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession as Session


async def copy_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that all have the keys of the first; what they leave out gets the column's default of the database.

    JSONB columns are given as values; None in any column is NULL. What the session holds unflushed is not written
    first. A refusal is raised as asyncpg's own error, which the kernel tells apart like SQLAlchemy's.
    """
    if not rows:
        return
    columns = list(rows[0])
    adapted = await (await _in_transaction(session)).get_raw_connection()
    driver: asyncpg.Connection[Any] | None = adapted.driver_connection
    if driver is None:
        raise RuntimeError("the session's connection is gone")
    await driver.copy_records_to_table(
        table.name, schema_name=table.schema, columns=columns, records=_records(table, columns, rows)
    )


async def _in_transaction(session: Session) -> Any:
    """The session's connection, its transaction begun on the server: SQLAlchemy begins it with the first statement."""
    connection = await session.connection()
    adapted = await connection.get_raw_connection()
    if adapted.driver_connection is not None and not adapted.driver_connection.is_in_transaction():
        await connection.execute(text("select 1"))
    return connection


def _records(table: Table, columns: list[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    if len(columns) == 1:
        raise ValueError("a row of one column is better inserted")
    documents = [place for place, name in enumerate(columns) if isinstance(table.c[name].type, JSONB)]
    values = itemgetter(*columns)
    for row in rows:
        record = values(row)
        if documents:
            record = _with_documents(record, documents)
        yield record


def _with_documents(record: tuple[Any, ...], documents: Sequence[int]) -> tuple[Any, ...]:
    # The codec of SQLAlchemy's connections takes JSON as text.
    changed = list(record)
    for place in documents:
        if changed[place] is not None:
            changed[place] = orjson.dumps(changed[place]).decode()
    return tuple(changed)
