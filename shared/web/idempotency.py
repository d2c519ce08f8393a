"""One key, one effect, one answer: the claim, the work and the kept answer stand in one transaction.

A refusal (4xx, 5xx) rolls back the claim with everything else and is not kept: whoever corrects an entry may send it
again under the same key. docs/decisions/one-key-one-effect.md says why.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

import orjson
from fastapi import Response
from sqlalchemy import and_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bulk import NewRows
from shared.driver import driver_in_transaction
from shared.problem import Problem
from shared.security import Vault
from shared.security.tables import idempotency as table

KEPT_FOR: Final = timedelta(days=30)
"""A phone that was offline may repeat a request this late; afterwards a key counts as new."""
ANSWER_BYTES_MAX: Final = 1_048_576
WAIT_S_MAX: Final = 10.0
"""So long a repetition waits for the first one's answer."""
KEPT_HEADERS: Final = ("content-type", "location", "hx-redirect", "hx-trigger")
_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{8,128}")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who does what under which key; `digest` tells whether it is the same request."""

    principal: str
    route: str
    key: str
    digest: bytes

    @property
    def columns(self) -> dict[str, Any]:
        return {"of_principal": self.principal, "of_route": self.route, "of_key": self.key}

    @property
    def row(self) -> dict[str, Any]:
        return {"principal": self.principal, "route": self.route, "key": self.key, "digest": self.digest}

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.principal, self.route, self.key


def parse_key(header: str | None) -> str:
    """The key of a request. Raises 400 for a missing or malformed one."""
    if header is None or not header.strip():
        raise Problem("idempotency-key-missing", status=400, field="Idempotency-Key")
    key = header.strip().strip('"')
    if not _KEY.fullmatch(key):
        raise Problem("idempotency-key-invalid", status=400, field="Idempotency-Key")
    return key


# Made once: building a statement anew costs more than what it does.
_IS_OF_CLAIM: Final = and_(
    table.c.principal == bindparam("of_principal"),
    table.c.route == bindparam("of_route"),
    table.c.key == bindparam("of_key"),
)
_CLAIM: Final = (
    insert(table)
    .values(
        principal=bindparam("of_principal"),
        route=bindparam("of_route"),
        key=bindparam("of_key"),
        digest=bindparam("digest"),
    )
    .on_conflict_do_nothing()
    .returning(table.c.digest)
)
_KEPT: Final = select(table.c.digest, table.c.status, table.c.headers, table.c.answer).where(_IS_OF_CLAIM)
_KEEP: Final = (
    update(table)
    .where(_IS_OF_CLAIM)
    .values(status=bindparam("status"), headers=bindparam("headers"), answer=bindparam("answer"))
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered under a key, still sealed."""

    digest: bytes
    status: int
    headers: dict[str, str]
    answer: bytes


class Answers:
    """The kept answers of one process; made once with its application."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._locks: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, claim: Claim) -> AsyncIterator[None]:
        """Repetitions within a process follow one another. Raises 409 when the first one takes too long."""
        # They wait here and not in the database, where each would hold a connection.
        lock = self._locks.setdefault(claim.identity, asyncio.Lock())
        if lock.locked():
            try:
                async with asyncio.timeout(WAIT_S_MAX):
                    await lock.acquire()
            except TimeoutError:
                raise _in_progress() from None
        else:
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()

    async def once(
        self,
        session: AsyncSession,
        claim: Claim,
        work: Callable[[], Awaitable[Response]],
        commit: Callable[[], Awaitable[None]],
    ) -> Response:
        """Does the work and commits it with its answer; or gives the kept answer of an earlier request.

        The work's answer is kept when its status is below 400. Raises 422 when the key was used for another request,
        409 when the first request takes longer than we let a repetition wait.
        """
        async with self.alone(claim):
            kept = await _claim(session, claim)
            if kept is not None:
                return self.replay(claim, kept)
            answer = await work()
            if answer.status_code < 400:
                await _keep(session, self._vault, claim, answer)
                await commit()
            return answer

    async def try_hold(
        self, session: AsyncSession, claims: Sequence[Claim]
    ) -> tuple[list[Claim], dict[tuple[str, str, str], Kept]]:
        """Take keys until the transaction ends, for routes that keep their answers by ``rows_to_keep``.

        Returns the claims that are ours, without what another process has in hand, so that nobody else waits; and what
        was answered under them before. What was answered while this asked is not among it: ``look`` finds it, and the
        row that would keep a second answer is refused.
        """
        found = await self._ask(session, TRY_HOLD, claims)
        return [claim for claim in claims if found[claim.identity]["is_ours"]], _kept_of(found)

    async def hold(self, session: AsyncSession, claim: Claim) -> tuple[list[Claim], dict[tuple[str, str, str], Kept]]:
        """The same for one key alone: whoever has it is waited for, and 409 raised when that takes too long."""
        driver = await driver_in_transaction(session)
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await driver.execute(_HOLD, _number_of(claim))
        except TimeoutError:
            raise _in_progress() from None
        # Only a statement that begins after it sees what the one who was waited for has left.
        return [claim], await self.look(session, [claim])

    async def look(self, session: AsyncSession, claims: Sequence[Claim]) -> dict[tuple[str, str, str], Kept]:
        """What was answered by now under keys that are held."""
        return _kept_of(await self._ask(session, _LOOK, claims))

    async def _ask(
        self, session: AsyncSession, statement: str, claims: Sequence[Claim]
    ) -> dict[tuple[str, str, str], Any]:
        asked = [{"n": _number_of(claim), "p": claim.principal, "r": claim.route, "k": claim.key} for claim in claims]
        driver = await driver_in_transaction(session)
        rows = await driver.fetch(statement, orjson.dumps(asked).decode())
        return {(row["p"], row["r"], row["k"]): row for row in rows}

    def rows_to_keep(self, answered: Sequence[tuple[Claim, Response]]) -> NewRows:
        """The answers to requests whose keys are held, to be written with what they tell of."""
        return NewRows(table, [claim.row | _kept_values(self._vault, claim, answer) for claim, answer in answered])

    def replay(self, claim: Claim, kept: Kept) -> Response:
        """The kept answer. Raises 422 when the key was used for another request."""
        if kept.digest != claim.digest:
            raise Problem("idempotency-key-reused", status=422, field="Idempotency-Key")
        body = self._vault.open(_purpose(claim), kept.answer)
        return Response(body, kept.status, headers={**kept.headers, "Idempotency-Replayed": "true"})


async def forget_old_answers(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` answers older than KEPT_FOR, and says how many."""
    identity = tuple_(table.c.principal, table.c.route, table.c.key)
    old = (
        select(table.c.principal, table.c.route, table.c.key)
        .where(table.c.created_at < datetime.now(UTC) - KEPT_FOR)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = await (await session.connection()).execute(delete(table).where(identity.in_(old)).returning(table.c.key))
    return len(gone.all())


async def _claim(session: AsyncSession, claim: Claim) -> Kept | None:
    """None when the work is ours to do; else what was answered to who did it."""
    connection = await session.connection()
    try:
        # Waits while another process works under the same key, until that one commits or rolls back.
        async with asyncio.timeout(WAIT_S_MAX):
            claimed = (await connection.execute(_CLAIM, claim.columns | {"digest": claim.digest})).first()
    except TimeoutError:
        raise _in_progress() from None
    if claimed is not None:
        return None
    row = (await connection.execute(_KEPT, claim.columns)).first()
    if row is None:  # forgotten between the two statements: let the client come again
        raise _in_progress()
    return Kept(row.digest, row.status, row.headers, row.answer)


async def _keep(session: AsyncSession, vault: Vault, claim: Claim, answer: Response) -> None:
    values = _kept_values(vault, claim, answer)
    await (await session.connection()).execute(_KEEP, claim.columns | values)


def _kept_values(vault: Vault, claim: Claim, answer: Response) -> dict[str, Any]:
    body = bytes(getattr(answer, "body", b""))
    if not hasattr(answer, "body") or len(body) > ANSWER_BYTES_MAX:
        raise TypeError(f"{claim.route}: the answer to a write is complete, and at most {ANSWER_BYTES_MAX} bytes")
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    return {"status": answer.status_code, "headers": headers, "answer": vault.seal(_purpose(claim), body)}


def _kept_of(found: Mapping[tuple[str, str, str], Any]) -> dict[tuple[str, str, str], Kept]:
    return {
        identity: Kept(row["digest"], row["status"], orjson.loads(row["headers"]), row["answer"])
        for identity, row in found.items()
        if row["is_ours"] and row["answer"]
    }


def _purpose(claim: Claim) -> str:
    return "\0".join(("answer", *claim.identity))


def _number_of(claim: Claim) -> int:
    """The number under which the database knows a key that is held."""
    return int.from_bytes(hashlib.sha256(_purpose(claim).encode()).digest()[:8], signed=True)


def _in_progress() -> Problem:
    return Problem("idempotency-in-progress", status=409, headers={"Retry-After": "2"})


# Each is looked up by itself, which only "offset" keeps from being made a join: a connection plans this once, while the
# table is small, and then reads all of it at every request until somebody analyzes it.
_OF_CLAIMS: Final = """
    with asked as materialized (
        select p, r, k, {held} as is_ours
        from json_to_recordset($1::text::json) as asked(n bigint, p text, r text, k text)
    )
    select p, r, k, is_ours, digest, status, headers::text, answer from asked left join lateral (
        select * from kernel.idempotency where principal = p and route = r and key = k offset 0
    ) as found on true
"""
TRY_HOLD: Final = _OF_CLAIMS.format(held="pg_try_advisory_xact_lock(n)")
_HOLD: Final = "select pg_advisory_xact_lock($1)"
_LOOK: Final = _OF_CLAIMS.format(held="true")
