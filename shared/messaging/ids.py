"""Ids made and written quickly: the database driver's UUID is one of Python's, at a fraction of its price."""

from __future__ import annotations

import re
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriversUUID  # noqa: N811
from uuid_utils import uuid7

_PLAIN = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
is_plain = re.compile(_PLAIN).fullmatch
"""Whether a text is a UUID as everybody writes it."""
is_plain_key = re.compile(_PLAIN.encode()).fullmatch


def new_id() -> UUID:
    """A UUID of version 7: later ones are higher."""
    made: UUID = DriversUUID(uuid7().bytes)
    return made


def text_of(identity: UUID) -> str:
    """A UUID as everybody writes it."""
    return str(DriversUUID(identity.bytes))


def read_id(text: str | None) -> UUID | None:
    """The UUID that a text says, in any of the ways of writing one; None where it says none."""
    if text is not None and is_plain(text):
        quick: UUID = DriversUUID(text)
        return quick
    try:
        return UUID(text)
    except (TypeError, ValueError, AttributeError):
        return None
