"""Write many rows by one statement: their columns travel as arrays, and PostgreSQL takes them apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlmodel.ext.asyncio.session import AsyncSession as Session

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


async def insert_rows(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, which all name the same columns, in their order. What waits in the session is written before."""
    if rows:
        await _write(session, table, rows, None)


async def upsert_newer(session: Session, table: Table, rows: Sequence[dict[str, Any]], *, newer: str) -> None:
    """Insert rows; where one of the same primary key stands, replace it if the new one is higher in ``newer``.

    All rows name the same columns; the others keep what they hold. The rows may come in any order, and several may have
    the same key: the result is that of writing one after the other. None is SQL's null, also in a column of JSON.
    """
    if rows:
        keys = [column.name for column in table.primary_key.columns]
        highest: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in rows:
            key = tuple(row[name] for name in keys)
            known = highest.get(key)
            if known is None or row[newer] > known[newer]:
                highest[key] = row
        # In the order of their keys, so that two who write the same rows never wait for each other in a circle.
        await _write(session, table, [highest[key] for key in sorted(highest)], newer)


async def _write(session: Session, table: Table, rows: Sequence[dict[str, Any]], newer: str | None) -> None:
    await session.flush()
    names = tuple(rows[0])
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
    for name in names:
        if isinstance(table.c[name].type, JSON):
            columns[name] = [None if value is None else orjson.dumps(value).decode() for value in columns[name]]
    await (await session.connection()).execute(_statement(table, names, newer), columns)


@lru_cache(maxsize=512)
def _statement(table: Table, names: tuple[str, ...], newer: str | None) -> TextClause:
    quoted = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"cast(:{name} as {_array_type(table, name)}[])" for name in names)
    values = ", ".join(f'"{name}"::jsonb' if isinstance(table.c[name].type, JSON) else f'"{name}"' for name in names)
    written = (
        f"insert into {table.fullname} ({quoted}) select {values} from unnest({arrays}) with ordinality "
        f"as given({quoted}, place_in_array) order by place_in_array"
    )
    if newer is None:
        return text(written)
    keys = [column.name for column in table.primary_key.columns]
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    conflict = ", ".join(f'"{name}"' for name in keys)
    return text(
        f"{written} on conflict ({conflict}) do update set {replaced} "
        f'where excluded."{newer}" > "{table.name}"."{newer}"'
    )


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return "text" if isinstance(kind, JSON) else str(kind.compile(_DIALECT))
