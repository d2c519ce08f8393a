"""How a word of others is folded into a read table: the highest revision or sequence wins, whatever came first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert

from services.programs.models import Row
from shared.messaging import Fact, Session


async def upsert(session: Session, table_name: str, rows: list[dict[str, Any]], *, newer: str) -> None:
    """Insert the rows; where one stands, replace it by a row of a higher revision, version or sequence."""
    table: Table = Row.metadata.tables[table_name]
    names = [column.name for column in table.columns if not column.primary_key]
    statement = insert(table)
    replaced = {name: statement.excluded[name] for name in names if name in rows[0]}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_=replaced,
            where=statement.excluded[newer] > table.c[newer],
        ),
        rows,
    )


def sequence_of(fact: Fact) -> int:
    """The announcer's number of the fact about its household; of one who does not number, the place in the topic."""
    return fact.sequence if fact.sequence is not None else fact.offset
