"""Append-only record of writes and of looks at identity, in the transaction of what it records."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.security.caller import Caller
from shared.security.tables import audit_rows

Subjects = Mapping[str, UUID | str | int]
"""Kind → id or code, such as `{"household_id": …}`. Never a value that a person could be known by."""


_INSERT: Final = insert(audit_rows)


async def audit(
    session: AsyncSession,
    caller: Caller,
    action: str,
    subjects: Subjects | None = None,
    purpose: str | None = None,
) -> None:
    """Adds one row; it stands or falls with the caller's transaction."""
    correlation_id = structlog.contextvars.get_contextvars().get("correlation_id")
    row = audit_row(caller, action, subjects or {}, purpose=purpose, correlation_id=correlation_id)
    await session.execute(_INSERT, row)


def audit_row(
    caller: Caller, action: str, subjects: Subjects, *, purpose: str | None = None, correlation_id: str | None
) -> dict[str, Any]:
    """What is recorded of one act, for those who write several at once."""
    return {
        "principal": caller.principal,
        "roles": sorted(caller.roles),
        "action": action,
        "subjects": {kind: str(value) for kind, value in subjects.items()},
        "purpose": purpose,
        "correlation_id": correlation_id,
    }
