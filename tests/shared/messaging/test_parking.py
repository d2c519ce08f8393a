"""A parked record comes back word for word, whatever it holds, and whichever release parked it."""

from __future__ import annotations

import json

import pytest

from shared.messaging.parking import StoredRecord, _dump, _load


@pytest.mark.parametrize("key", [b"key", b"\x00\xff", None])
@pytest.mark.parametrize("value", [b'{"a": 1}', b"one\ntwo\n", b"\x00\xff" * 40, b"", None])
@pytest.mark.parametrize("headers", [(), (("ce_id", b"1"), ("note", b"a\nb\x00")), (("\udcff\udcfe", b"1"),)])
def test_a_record_comes_back_word_for_word(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    record = StoredRecord("tuntas.intake.dinsos-samarinda", 3, 17, key, value, headers)
    assert _load(_dump(record)) == record


@pytest.mark.parametrize("value", [b"one\ntwo\n", b"", None])
def test_a_record_that_an_older_release_parked_comes_back(value: bytes | None) -> None:
    older = [
        "tuntas.intake.dinsos-samarinda", 3, 17, b"key".hex(), None if value is None else value.hex(), [["a", "62"]]
    ]  # fmt: skip
    loaded = _load(json.dumps(older).encode())
    assert loaded == StoredRecord("tuntas.intake.dinsos-samarinda", 3, 17, b"key", value, (("a", b"b"),))


def test_a_parked_record_takes_hardly_more_room_than_the_record() -> None:
    value = b"x" * 1_000_000
    assert len(_dump(StoredRecord("topic", 1, 1, b"key", value, ()))) < len(value) + 200
