"""Write many rows by one statement: their columns travel as arrays, and PostgreSQL takes them apart.

A rebuild holds the rows of its folds in memory and writes each once, when all that is known of it was folded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import JSON, Table, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.bulk import COPIED_MIN, copy_by, copy_rows
from shared.driver import Driver
from shared.messaging.writing_behind import write

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_HELD = "rows held back"

Row = dict[str, Any]


async def insert_rows(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, which all name the same columns, in their order. What waits in the session is written before.

    In a large batch nobody waits for it, nor for ``upsert_newer``; a refusal is raised later: ``writing_behind.write``.
    """
    if not rows:
        return
    await write_held(session)
    held: HeldRows | None = session.info.get(_HELD)
    if held is not None:
        held.wrote(table)
    if len(rows) >= COPIED_MIN and len(rows[0]) > 1 and held is None:
        await session.flush()
        await write(session, partial(copy_by, table=table, rows=tuple(rows)))
    else:
        await _write(session, table, rows, None)


async def upsert_newer(session: Session, table: Table, rows: Sequence[Row], *, newer: str) -> None:
    """Insert rows; where one of the same primary key stands, replace it if the new one is higher in ``newer``.

    All rows name the same columns; the others keep what they hold. The rows may come in any order, and several may have
    the same key: the result is that of writing one after the other. None is SQL's null, also in a column of JSON.
    """
    if not rows:
        return
    held: HeldRows | None = session.info.get(_HELD)
    if held is not None:
        await held.fold(table, rows, newer)
        return
    highest = _fold({}, table, rows, newer)
    # In the order of their keys, so that two who write the same rows never wait for each other in a circle.
    await _write(session, table, [highest[key] for key in sorted(highest, key=_in_order)], newer)


def is_rebuilt(session: Session) -> bool:
    """Whether this session folds the past of a rebuild, which nothing else hears beside."""
    return _HELD in session.info


async def write_held(session: Session) -> None:
    """Write what a rebuild holds back in this session, if it does; then its tables are emptied, too.

    A projection asks for this before it goes to the driver itself.
    """
    held: HeldRows | None = session.info.get(_HELD)
    if held is not None:
        await held.write()


class HeldRows:
    """The rows that folds of one session wrote and that are not in the database yet: of each key the highest.

    Whatever else the session sends through SQLAlchemy, for a fold that reads or changes what stands in a table, sees
    them: they are written before it. No more than ``rows_max`` are held.

    Args:
        session: holds back from now on, until its transaction ends.
        emptied: awaited before the first row is written; what it returns are tables that are empty then.
    """

    def __init__(
        self,
        session: Session,
        connection: AsyncConnection,
        emptied: Callable[[], Awaitable[Iterable[Table]]],
        rows_max: int,
    ) -> None:
        self._session = session
        self._emptied = emptied
        self._rows_max = rows_max
        self._empty: set[Table] | None = None
        self._rows: dict[tuple[Table, tuple[str, ...], str], dict[Hashable, Row]] = {}
        self._writing = False
        session.info[_HELD] = self
        event.listen(connection.sync_connection, "before_cursor_execute", self._before_a_statement)

    async def fold(self, table: Table, rows: Sequence[Row], newer: str) -> None:
        """Keep rows, of each key the highest, as ``upsert_newer`` would write them one after the other."""
        shape = (table, tuple(rows[0]), newer)
        if shape not in self._rows:
            if any(other[0] is table for other in self._rows):
                # Rows that leave other columns alone are another fold of the same rows: one after the other.
                await self.write()
            self._rows[shape] = {}
        _fold(self._rows[shape], table, rows, newer)
        if sum(map(len, self._rows.values())) > self._rows_max:
            await self.write()

    async def write(self) -> None:
        """Write what is held: by COPY into a table that is empty, else where it is newer than what stands."""
        if self._writing:
            return
        self._writing = True
        try:
            if self._empty is None:
                self._empty = set(await self._emptied())
            while self._rows:
                (table, names, newer), held = self._rows.popitem()
                rows = list(held.values())
                if table in self._empty and len(names) > 1:
                    self._empty.discard(table)
                    await copy_rows(self._session, table, rows)
                else:
                    await _write(self._session, table, [held[key] for key in sorted(held, key=_in_order)], newer)
        finally:
            self._writing = False

    def wrote(self, table: Table) -> None:
        """Somebody else has written rows of a table, which is not empty then."""
        if self._empty is not None:
            self._empty.discard(table)

    def _before_a_statement(self, *_: Any) -> None:
        if not self._writing:
            await_only(self.write())
            # The statement may write to any of them.
            self._empty = set()


def _fold(highest: dict[Hashable, Row], table: Table, rows: Sequence[Row], newer: str) -> dict[Hashable, Row]:
    key_of = _key_of(table)
    for row in rows:
        key = key_of(row)
        known = highest.setdefault(key, row)
        if row[newer] > known[newer]:
            highest[key] = row
    return highest


@lru_cache(maxsize=512)
def _key_of(table: Table) -> Callable[[Row], Hashable]:
    return itemgetter(*(column.name for column in table.primary_key.columns))


def _in_order(key: Any) -> Any:
    """Sorts keys as themselves; the order of UUIDs is that of their numbers, which are compared far quicker."""
    if isinstance(key, UUID):
        return key.int
    return tuple(each.int if isinstance(each, UUID) else each for each in key) if isinstance(key, tuple) else key


async def _write(session: Session, table: Table, rows: Sequence[Row], newer: str | None) -> None:
    await session.flush()
    names = tuple(rows[0])
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
    for name in names:
        if isinstance(table.c[name].type, JSON):
            columns[name] = [None if value is None else orjson.dumps(value).decode() for value in columns[name]]

    async def send(driver: Driver) -> None:
        await driver.execute(_statement(table, names, newer), *columns.values())

    await write(session, send)


@lru_cache(maxsize=512)
def _statement(table: Table, names: tuple[str, ...], newer: str | None) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"${place}::{_array_type(table, name)}[]" for place, name in enumerate(names, start=1))
    values = ", ".join(f'"{name}"::jsonb' if isinstance(table.c[name].type, JSON) else f'"{name}"' for name in names)
    written = (
        f"insert into {table.fullname} ({quoted}) select {values} from unnest({arrays}) with ordinality "
        f"as given({quoted}, place_in_array) order by place_in_array"
    )
    if newer is None:
        return written
    keys = [column.name for column in table.primary_key.columns]
    replaced = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    conflict = ", ".join(f'"{name}"' for name in keys)
    return (
        f"{written} on conflict ({conflict}) do update set {replaced} "
        f'where excluded."{newer}" > "{table.name}"."{newer}"'
    )


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return "text" if isinstance(kind, JSON) else str(kind.compile(_DIALECT))
