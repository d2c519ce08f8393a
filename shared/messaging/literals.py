"""Long columns on their way to PostgreSQL as one text each.

The driver examines every element of a list before it sends it, which takes longer than all the rest of sending it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def as_array(numbers: Iterable[str]) -> str:
    """An array as PostgreSQL reads it, of numbers or of other words without any special character."""
    return "{" + ",".join(numbers) + "}"


def digests_as_array(digests: Iterable[bytes]) -> str:
    """An array of short bytes, as text."""
    return "{" + ",".join([f'"\\\\x{each.hex()}"' for each in digests]) + "}"


def keys_as_array(keys: Sequence[bytes]) -> str:
    """An array of keys that records are remembered under, as text: UUIDs in any of their spellings, or our own words.

    Raises:
        ValueError: a key has a character that would have to be escaped. No UUID has one.
    """
    if not keys:
        return "{}"
    joined = b'","'.join(keys).decode("ascii")
    if "\\" in joined or joined.count('"') != 2 * (len(keys) - 1):
        raise ValueError("a key that is no word")
    return '{"' + joined + '"}'
