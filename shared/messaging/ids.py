"""Ids made and written quickly: the database driver's UUID is one of Python's, at a fraction of its price."""

from __future__ import annotations

import re
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriversUUID  # noqa: N811
from uuid_utils import uuid7

is_plain_key = re.compile(b"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
"""Whether a key is a UUID as everybody writes it."""


def new_id() -> UUID:
    """A UUID of version 7: later ones are higher."""
    made: UUID = DriversUUID(uuid7().bytes)
    return made


def id_of(raw: bytes) -> UUID:
    """The UUID of its sixteen bytes."""
    found: UUID = DriversUUID(raw)
    return found


def text_of(identity: UUID) -> str:
    """A UUID as everybody writes it."""
    return str(DriversUUID(identity.int.to_bytes(16, "big")))


def read_id(text: str | None) -> UUID | None:
    """The UUID that a text says, in any of the ways of writing one; None where it says none."""
    try:
        # As everybody writes it. The driver's looks at every character, but not at where the hyphens are.
        if text is not None and len(text) == 36 and text[8:24:5] == "----":
            quick: UUID = DriversUUID(text)
            return quick
        return UUID(text)
    except (TypeError, ValueError, AttributeError):
        return None
