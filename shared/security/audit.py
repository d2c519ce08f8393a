"""Append-only record of writes and of looks at identity, in the transaction of what it records."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.security.caller import Caller
from shared.security.tables import audit_rows

Subjects = Mapping[str, UUID | str | int]
"""Kind → id or code, such as `{"household_id": …}`. Never a value that a person could be known by."""


async def audit(
    session: AsyncSession,
    caller: Caller,
    action: str,
    subjects: Subjects | None = None,
    purpose: str | None = None,
) -> None:
    """Adds one row; it stands or falls with the caller's transaction."""
    await session.execute(
        insert(audit_rows),
        {
            "principal": caller.principal,
            "roles": sorted(caller.roles),
            "action": action,
            "subjects": {kind: str(value) for kind, value in (subjects or {}).items()},
            "purpose": purpose,
            "correlation_id": structlog.contextvars.get_contextvars().get("correlation_id"),
        },
    )
