"""The best that hand-written code does with a disbursement run: asyncpg, seven statements and one commit per chunk.

It writes the rows that the product writes (what waited is taken, payments and entitlements paid, the guarded balance,
a journal entry per item, numbers, the outbox with the same headers and payloads) and knows nothing of programmes,
handlers, contracts or sessions. It keeps no order of locks but that of its statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import asyncpg
import orjson
from uuid_utils.compat import uuid7


@dataclass(frozen=True)
class ByHand:
    """One connection, one list."""

    connection: asyncpg.Connection[Any]
    root: str
    agency: str
    payment_list_id: UUID
    chunk: int
    made: Any

    @classmethod
    async def on(
        cls, connection: asyncpg.Connection[Any], root: str, agency: str, payment_list_id: UUID, chunk: int
    ) -> Self:
        made = await connection.fetchrow(_LIST, payment_list_id)
        return cls(connection, root, agency, payment_list_id, chunk, made)

    async def settle_chunk(self) -> None:
        """The next items, in one transaction."""
        async with self.connection.transaction():
            paid = await self.connection.fetch(_PAY, self.payment_list_id, self.chunk)
            entitlements = [row["entitlement_id"] for row in paid]
            await self.connection.execute(_ENTITLED, entitlements)
            rupiah = [row["rupiah"] for row in paid]
            line = self.made["fund_line_id"]
            if await self.connection.execute(_GUARDED, line, sum(rupiah)) != "UPDATE 1":
                raise AssertionError("The fund line has not enough.")
            payments = [row["payment_id"] for row in paid]
            transfers = [uuid7() for _ in paid]
            await self.connection.execute(_JOURNAL, transfers, line, rupiah, entitlements, payments, datetime.now(UTC))
            await self._announce(paid)

    async def _announce(self, paid: list[Any]) -> None:
        keys = [str(row["household_id"]) for row in paid]
        encoded = [key.encode() for key in keys]
        numbered = {row["key"]: row["last_sequence"] for row in await self.connection.fetch(_NUMBER, encoded)}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event_ids = [uuid7() for _ in paid]
        correlation = str(self.made["correlation_id"])
        trace = self.made["correlation_id"].hex
        source = f"/agencies/{self.agency}/programs"
        headers = [
            orjson.dumps(
                {
                    "ce_specversion": "1.0",
                    "ce_source": source,
                    "ce_type": _TYPE,
                    "ce_subject": f"household/{key}",
                    "ce_time": now,
                    "ce_dataschema": "urn:tuntas:schema:aid.disbursed.v1",
                    "ce_correlationid": correlation,
                    "content-type": "application/json",
                    "ce_id": str(event_id),
                    "traceparent": f"00-{trace}-{event_id.hex[16:]}-01",
                    "ce_sequence": str(numbered[key.encode()]),
                }
            ).decode()
            for key, event_id in zip(keys, event_ids, strict=True)
        ]
        payloads = [orjson.dumps(self._payload(row), default=str) for row in paid]
        topic = f"{self.root}.programs.{self.agency}"
        await self.connection.execute(_OUTBOX, event_ids, topic, encoded, _TYPE, headers, payloads)

    def _payload(self, row: Any) -> dict[str, Any]:
        made = self.made
        return {
            "programme_id": made["programme_id"],
            "programme": made["programme"],
            "household_id": row["household_id"],
            "region": row["region"],
            "payment_id": row["payment_id"],
            "entitlement_id": row["entitlement_id"],
            "enrolment_id": row["enrolment_id"],
            "period": made["period"],
            "fund_line": made["code"],
            "rupiah": row["rupiah"],
            "persons": row["persons"],
            "payment_list_id": self.payment_list_id,
            "paid_on": row["settled_on"],
            "decree": {
                "number": made["decree_number"],
                "dated": made["decree_dated"],
                "list_sha256": made["list_sha256"],
            },
            "goods": [],
        }


_TYPE = "id.tuntas.aid.disbursed.v1"
_LIST = """
    select payment_list.*, fund_line.code from payment_list join fund_line using (fund_line_id)
    where payment_list_id = $1
"""
_PAY = """
    with result as (
        delete from result_row where payment_id = any(array(
            select payment_id from result_row where payment_list_id = $1 order by payment_id limit $2
        ))
        returning payment_id, settled_on
    )
    update payment set state = 'paid', settled_on = result.settled_on from result
    where payment.payment_id = result.payment_id and payment.state = 'committed'
    returning payment.payment_id, payment.entitlement_id, enrolment_id, household_id, region, rupiah, persons,
        payment.settled_on
"""
_ENTITLED = "update entitlement set state = 'paid' where entitlement_id = any($1::uuid[])"
_GUARDED = """
    update fund_line set committed = committed - $2, realised = realised + $2
    where fund_line_id = $1 and committed >= $2
"""
_JOURNAL = """
    insert into transfer (
        transfer_id, fund_line_id, move, leaves, enters, rupiah, entitlement_id, payment_id, reason, made_by, made_at
    )
    select transfer_id, $2, 'realise', 'committed', 'realised', rupiah, entitlement_id, payment_id, 'paid', 'payer', $6
    from unnest($1::uuid[], $3::bigint[], $4::uuid[], $5::uuid[])
        as item(transfer_id, rupiah, entitlement_id, payment_id)
"""
_NUMBER = """
    insert into kernel.announced (key, last_sequence) select key, 1 from unnest($1::bytea[]) as key
    on conflict (key) do update set last_sequence = announced.last_sequence + 1
    returning key, last_sequence
"""
_OUTBOX = """
    insert into kernel.outbox (event_id, topic, key, type, headers, payload)
    select event_id, $2, key, $4, headers::jsonb, payload
    from unnest($1::uuid[], $3::bytea[], $5::text[], $6::bytea[]) as item(event_id, key, headers, payload)
"""
