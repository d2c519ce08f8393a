"""One key, one effect, one answer: the claim, the work and the kept answer stand in one transaction.

A refusal (4xx, 5xx) rolls back the claim with everything else and is not kept: whoever corrects an entry may send it
again under the same key. docs/decisions/one-key-one-effect.md says why.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

from fastapi import Response
from sqlalchemy import and_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

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


class Answers:
    """The kept answers of one process; made once with its application."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._locks: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()

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
        # Repetitions within a process wait here and not in the database, where each would hold a connection.
        lock = self._locks.setdefault(claim.identity, asyncio.Lock())
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await lock.acquire()
        except TimeoutError:
            raise _in_progress() from None
        try:
            kept = await _claim(session, claim)
            if kept is not None:
                return _replay(self._vault, claim, *kept)
            answer = await work()
            if answer.status_code < 400:
                await _keep(session, self._vault, claim, answer)
                await commit()
            return answer
        finally:
            lock.release()


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


async def _claim(session: AsyncSession, claim: Claim) -> tuple[bytes, int, dict[str, str], bytes] | None:
    """None when the work is ours to do; else digest, status, headers and sealed answer of who did it."""
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
    return row.digest, row.status, row.headers, row.answer


def _replay(vault: Vault, claim: Claim, digest: bytes, status: int, headers: dict[str, str], answer: bytes) -> Response:
    if digest != claim.digest:
        raise Problem("idempotency-key-reused", status=422, field="Idempotency-Key")
    body = vault.open(_purpose(claim), answer)
    return Response(body, status, headers={**headers, "Idempotency-Replayed": "true"})


async def _keep(session: AsyncSession, vault: Vault, claim: Claim, answer: Response) -> None:
    body = bytes(getattr(answer, "body", b""))
    if not hasattr(answer, "body") or len(body) > ANSWER_BYTES_MAX:
        raise TypeError(f"{claim.route}: the answer to a write is complete, and at most {ANSWER_BYTES_MAX} bytes")
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    values = {"status": answer.status_code, "headers": headers, "answer": vault.seal(_purpose(claim), body)}
    await (await session.connection()).execute(_KEEP, claim.columns | values)


def _purpose(claim: Claim) -> str:
    return "\0".join(("answer", *claim.identity))


def _in_progress() -> Problem:
    return Problem("idempotency-in-progress", status=409, headers={"Retry-After": "2"})
