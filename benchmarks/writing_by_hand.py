"""One statement that writes what a registration writes: the same tables, the same columns, the same sizes."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

_HOUSEHOLD: Final = "family.id"
_FRESH: Final = "uuidv7()"
_DIGEST: Final = "(uuid_send(gen_random_uuid()) || '\\x0123456789abcdef0123456789abcdef'::bytea)"
"""As long as a digest and as random where indexes look first, without the work of one."""
_KEY: Final = "convert_to(family.id::text, 'UTF8')"
_WORD: Final = "(int4send(random(1, 300)) || '\\x0123456789abcdef01234567'::bytea)"
_ALWAYS_GIVEN: Final = {
    "household": {"id": _HOUSEHOLD},
    "family_card": {"id": _FRESH, "household_id": _HOUSEHOLD, "kk_index": _DIGEST},
    "member": {"id": _FRESH, "household_id": _HOUSEHOLD, "nik_index": _DIGEST, "row_digest": _DIGEST},
    "kernel.household_key": {"household_id": _HOUSEHOLD},
    "kernel.idempotency": {"key": "replace(gen_random_uuid()::text, '-', '')", "digest": _DIGEST},
    "kernel.audit": {
        "subjects": "jsonb_build_object('household_id', family.id)",
        "correlation_id": "gen_random_uuid()::text",
    },
    "kernel.announced": {"key": _KEY},
    "kernel.outbox": {"key": _KEY, "event_id": _FRESH},
}
"""What is another one in every family; all else is as ours wrote it."""
_WHERE: Final = {
    "household": "id = $1::uuid",
    "kernel.idempotency": "answer is not null and $1::text is not null order by created_at desc limit 1",
    "kernel.audit": "subjects ->> 'household_id' = $1::text",
    "kernel.announced": "key = convert_to($1::text, 'UTF8')",
    "kernel.outbox": "key = convert_to($1::text, 'UTF8')",
}
_ANNOUNCED: Final = "select sum(length(payload))::int from kernel.outbox where key = convert_to($1::text, 'UTF8')"
_AS_SQL: Final = 'quote_nullable("{0}"::text) || \'::\' || format_type(pg_typeof("{0}"), null) as "{0}"'


async def statement_of(connection: asyncpg.Connection[Any]) -> tuple[str, int, int]:
    """The statement, made of the rows of the last household; the bytes it announces, and those of all its rows."""
    household = await connection.fetchval("select id::text from household order by id desc limit 1")
    parts, size = [f"with family as materialized (select {_FRESH} as id)"], 0
    for name in _ALWAYS_GIVEN:
        rows = await _rows(connection, name, household)
        if not rows:
            raise RuntimeError(f"{name} has no row of the household")
        parts.append(_insert(name, rows))
        size += await _size(connection, name, household)
    return ",\n".join(parts) + "\nselect 1;\n", await connection.fetchval(_ANNOUNCED, household), size


async def _rows(connection: asyncpg.Connection[Any], name: str, household: str) -> list[dict[str, str | None]]:
    """The rows of a household, every value as SQL would write it; identities and defaults of the server left out."""
    columns = [
        row["attname"]
        for row in await connection.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 "
            "and not attisdropped and attidentity = ''",
            name,
        )
    ]
    chosen = ", ".join(_AS_SQL.format(each) for each in columns)
    found = await connection.fetch(f"select {chosen} from {name} where {_where(name)}", household)
    return [{column: row[column] for column in columns} for row in found]


async def _size(connection: asyncpg.Connection[Any], name: str, household: str) -> int:
    """The bytes of the household's rows in a table, as PostgreSQL keeps them."""
    rows = f"select * from {name} where {_where(name)}"
    return int(await connection.fetchval(f"select sum(pg_column_size(one.*)) from ({rows}) as one", household))


def _where(name: str) -> str:
    return _WHERE.get(name, "household_id = $1::uuid")


def _insert(name: str, rows: list[dict[str, str | None]]) -> str:
    columns = list(rows[0])
    fresh = _ALWAYS_GIVEN[name]
    lines = " union all ".join(
        f"select {', '.join(_value(name, column, row, fresh) for column in columns)} from family" for row in rows
    )
    label = "w_" + name.rpartition(".")[2]
    named = ", ".join(f'"{each}"' for each in columns)
    return f"{label} as (insert into {name} ({named}) {lines})"


def _value(name: str, column: str, row: dict[str, str | None], fresh: dict[str, str]) -> str:
    value = row[column] or "null"
    if (name, column) == ("member", "name_index"):
        # As many words as the person's name has, of a stock of some hundred as in a kecamatan.
        return f"array[{', '.join([_WORD] * (value.count(',') + 1))}]"
    return fresh.get(column, _without_colons(value))


def _without_colons(value: str) -> str:
    """The same literal, in which pgbench finds no variable of its own: it looks inside quotes too."""
    literal, cast, kind = value.rpartition("::")
    if ":" not in literal:
        return value
    return ("" if literal.startswith("E") else "E") + literal.replace(":", "\\x3a") + cast + kind
