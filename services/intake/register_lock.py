"""The lock under which the register grows and changes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from shared.messaging import Session

REGISTER_LOCK: Final = 0x696E74616B65


async def lock_register(session: Session) -> None:
    """Changes of a deployment's register follow one another until the transaction ends.

    So two registrations never give one number to two people, and an entry of a closed list never misses the household
    that enters while it is looked for.

    Every transaction locks in this order, so that none waits for one that waits for it: the file that it works
    through, this lock, the held row that it answers, then households, members and entries.
    """
    await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": REGISTER_LOCK})
