"""Columns that travel as one text are read by PostgreSQL as they were meant, or refused here."""

from __future__ import annotations

import pytest

from shared.messaging.literals import as_array, digests_as_array, keys_as_array


def test_words_are_joined_and_keys_are_quoted() -> None:
    assert as_array(["1", "2"]) == "{1,2}"
    assert keys_as_array([b"a", b"{b}", b" c "]) == '{"a","{b}"," c "}'
    assert digests_as_array([b"\x00a", b"\xff"]) == r'{"\\x0061","\\xff"}'
    assert as_array([]) == keys_as_array([]) == digests_as_array([]) == "{}"


@pytest.mark.parametrize("key", [b'a"b', b"a\\b", b'","', b"\xff"])
def test_a_key_that_would_have_to_be_escaped_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match=r"no word|ascii"):
        keys_as_array([b"a", key])
