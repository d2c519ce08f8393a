"""How a word of others is folded into a read table: the highest revision or sequence wins, whatever came first."""

from __future__ import annotations

from typing import Any

from services.programs.models import Row
from shared.messaging import Fact, Session, upsert_newer


async def upsert(session: Session, table_name: str, rows: list[dict[str, Any]], *, newer: str) -> None:
    """Insert the rows; where one stands, replace it by a row of a higher revision, version or sequence."""
    await upsert_newer(session, Row.metadata.tables[table_name], rows, newer=newer)


def sequence_of(fact: Fact) -> int:
    """The announcer's number of the fact about its household; of one who does not number, the place in the topic."""
    return fact.sequence if fact.sequence is not None else fact.offset
