"""Rows of several tables in one go, in the transaction of a session: a fraction of what INSERT costs the client.

For any service that writes rows by the dozen or by the thousand. Few go by one statement for all tables, many by COPY:
both are statements like any other, so that indexes, constraints and triggers hold, and the rows are there with the
commit or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Boolean, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import Driver, driver_in_transaction

COPIED_MIN: Final = 256
"""From so many rows on, a COPY for each table costs less than one statement for all of them."""
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows for a table, all with the keys of the first; what they leave out gets the column's default.

    JSONB columns are given as values, arrays as lists of bytes; None in any column is NULL.
    """

    table: Table
    rows: Sequence[Mapping[str, Any]]
    where_absent: bool = False
    """Whether a row whose key stands already is passed over; otherwise it is refused."""


async def write_rows(session: Session, *new: NewRows) -> None:
    """Write rows of several tables, those first that others refer to. What waits in the session is not written first.

    A refusal is raised as asyncpg's own error, which the kernel tells apart like SQLAlchemy's.
    """
    given = [each for each in new if each.rows]
    if sum(len(each.rows) for each in given) < COPIED_MIN:
        await _insert(session, given)
        return
    for each in given:
        if each.where_absent:
            await _insert(session, [each])
        else:
            await copy_rows(session, each.table, each.rows)


async def copy_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of one table by COPY, however few they are."""
    if rows:
        await copy_by(await driver_in_transaction(session), table, rows)


async def copy_by(driver: Driver, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same by a driver in a transaction; there are some."""
    columns = list(rows[0])
    await driver.copy_records_to_table(
        table.name, schema_name=table.schema, columns=columns, records=_records(table, columns, rows)
    )


class RowLines:
    """Rows of a table as lines of a COPY: good for another process to make, and joined with others by joining them."""

    def __init__(self, table: Table, *, without: Collection[str] = ()) -> None:
        """All columns of the table but those that are left to their default."""
        self._table = table
        self._columns = [column.name for column in table.columns if column.name not in without]
        self._values = itemgetter(*self._columns)
        self._writers = [_writer(table.c[name].type) for name in self._columns]
        if len(self._columns) == 1:
            raise ValueError("a row of one column is better inserted")

    def of(self, rows: Iterable[Any]) -> bytes:
        """The lines of some rows. Values as of NewRows."""
        values, writers = self._values, self._writers
        lines = [
            "\t".join(
                ["\\N" if value is None else write(value) for value, write in zip(values(row), writers, strict=True)]
            )
            for row in rows
        ]
        lines.append("")
        return "\n".join(lines).encode()

    async def write(self, session: Session, some: Sequence[bytes]) -> None:
        """Write rows that were made into lines before."""
        if not some:
            return
        driver = await driver_in_transaction(session)
        await driver.copy_to_table(
            self._table.name,
            schema_name=self._table.schema,
            columns=self._columns,
            source=io.BytesIO(b"".join(some)),
            format="text",
        )


_Writer = Callable[[Any], str]


def _writer(kind: Any) -> _Writer:
    """How a value of a column is written in a line; None is written before."""
    for known, write in _WRITERS.items():
        if isinstance(kind, known):
            return write
    return _escaped_text


def _escaped_text(value: object) -> str:
    return _escaped(str(value))


def _escaped(text: str) -> str:
    if text.isprintable() and "\\" not in text:
        return text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _document(value: object) -> str:
    return _escaped(orjson.dumps(value).decode())


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _list_of_bytes(value: Sequence[bytes]) -> str:
    return '{"' + '","'.join(["\\\\\\\\x" + each.hex() for each in value]) + '"}' if value else "{}"


_WRITERS: Final[dict[type, _Writer]] = {
    JSONB: _document,
    ARRAY: _list_of_bytes,
    LargeBinary: _bytes,
    Uuid: attrgetter("hex"),
    Boolean: {True: "t", False: "f"}.__getitem__,
    Integer: str,
    Text: _escaped,
}
"""Those that are asked first stand first. Text is text: what else has to be made into it goes the way of all others."""


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


async def _insert(session: Session, given: Sequence[NewRows]) -> None:
    if not given:
        return
    shape = tuple((each.table, tuple(each.rows[0]), each.where_absent) for each in given)
    # As documents, and not as an array for each column: the driver looks at every element of an array several times.
    documents = [orjson.dumps(each.rows, default=_as_literal).decode() for each in given]
    await (await driver_in_transaction(session)).execute(_statement(shape), *documents)


def _as_literal(value: object) -> str:
    """What JSON has no form for, as PostgreSQL reads it."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=256)
def _statement(shape: tuple[tuple[Table, tuple[str, ...], bool], ...]) -> str:
    """One statement that writes all tables; the rows of each travel as one document, which PostgreSQL takes apart."""
    parts = []
    for number, (table, names, where_absent) in enumerate(shape, start=1):
        quoted = ", ".join(f'"{name}"' for name in names)
        given = ", ".join(f'"{name}" {table.c[name].type.compile(_DIALECT)}' for name in names)
        parts.append(
            f"w{number} as (insert into {table.fullname} ({quoted}) select {quoted} "
            f"from json_to_recordset(${number}::text::json) as given({given})"
            f"{' on conflict do nothing' if where_absent else ''})"
        )
    return f"with {', '.join(parts)} select"
