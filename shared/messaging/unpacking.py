"""Take apart every record that a broker accepts.

A broker looks at lengths and checksums, and not at whether the name of a header is text. Kafka's Python client decodes
the names strictly: one such record, which any announcer can write, would block its partition, and what was read beside
it, for ever. Here its batch is read once more, and the name keeps its bytes as surrogates: the record is parked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_MAGIC_PLACE = 16
_MAGIC_WITH_HEADERS = 2


def read_forgivingly() -> None:
    """From now on, all consumers of this process."""
    fetcher.MemoryRecords = _Records


class _Records:
    """The batches of a fetched partition, as the client's fetcher asks for them."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = memoryview(content), 0
        self._strict: Any = MemoryRecords(content)
        self.has_next = self._strict.has_next
        self.size_in_bytes = self._strict.size_in_bytes

    def next_batch(self) -> Any:
        batch = self._strict.next_batch()
        # The base offset, eight bytes, and the length of what follows the length.
        end = self._place + 12 + struct.unpack_from(">i", self._content, self._place + 8)[0]
        content, self._place = self._content[self._place : end], end
        if content[_MAGIC_PLACE] < _MAGIC_WITH_HEADERS or batch.is_control_batch:
            return batch
        return _Batch(batch, content)


class _Batch:
    """A batch that reads itself again where the strict reading fails."""

    def __init__(self, strict: Any, content: memoryview) -> None:
        self._strict, self._content = strict, content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strict, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._strict
        except (UnicodeDecodeError, CorruptRecordException):
            # The fetcher passes over the records that it has had, by their offsets.
            forgiving: Any = _DefaultRecordBatchPy(self._content)
            iter(forgiving)  # Decompresses.
            forgiving._buffer = _ForgivingBytes(forgiving._buffer)
            yield from forgiving


class _ForgivingBytes(bytearray):
    """Any part of it can be decoded; only names of headers are."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        part = super().__getitem__(place)
        return _ForgivingBytes(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:  # noqa: ARG002
        return super().decode(encoding, "surrogateescape")
