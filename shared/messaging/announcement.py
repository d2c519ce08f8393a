"""An event on its way into the outbox, and the record that it becomes there: CloudEvents in Kafka's binary mode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Self
from uuid import UUID

import orjson

from shared.messaging.causes import Cause
from shared.messaging.ids import new_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Always(NamedTuple):
    """What is the same for every event of a type that one deployment announces."""

    topic: str
    source: str
    type: str
    schema: str
    numbered: bool
    headers: str
    """Those of all its records, as JSON that is not closed yet."""

    @classmethod
    def of(cls, topic: str, source: str, kind: str, schema: str, *, numbered: bool) -> Self:
        headers = {
            "ce_specversion": "1.0",
            "ce_source": source,
            "ce_type": kind,
            "ce_dataschema": schema,
            "content-type": "application/json",
        }
        return cls(topic, source, kind, schema, numbered, orjson.dumps(headers).decode()[:-1])


class Announcement(NamedTuple):
    """An event that is to be said, all but the id and the number of its record."""

    always: Always
    subject: str
    """What it is about, ``household/<uuid>``."""
    key: bytes
    payload: bytes | None
    cause: Cause
    """Whatever is announced of one fact, in two versions of its contract, say, shares it."""
    at: datetime

    def record(self) -> Record:
        """Its record, under a new id and without a number."""
        always, cause = self.always, self.cause
        event_id = new_id()
        words, correlation_id = str(event_id), str(cause.correlation_id)
        # Ids, moments and kinds of subjects, which are words of contracts: nothing that JSON would escape.
        headers = (
            f'{always.headers},"ce_id":"{words}","ce_subject":"{self.subject}",'
            f'"ce_time":"{_written((self.at - _EPOCH) // _MILLISECOND)}","ce_correlationid":"{correlation_id}",'
            f'"traceparent":"{_traceparent(correlation_id, words)}"'
        )
        if cause.causation_id is not None:
            headers += f',"ce_causationid":"{cause.causation_id}"'
        return Record(event_id, always.topic, self.key, always.type, headers + "}", self.payload)


class Record(NamedTuple):
    """A row of the outbox, as the database driver takes it."""

    event_id: UUID
    topic: str
    key: bytes
    type: str
    headers: str
    """JSON."""
    payload: bytes | None

    def numbered(self, number: int) -> Record:
        return self._replace(headers=with_number(self.headers, number))


def with_number(headers: str, number: int) -> str:
    """A record's headers with its number among them."""
    return f'{headers[:-1]},"ce_sequence":"{number}"}}'


@lru_cache(maxsize=8)
def _written(milliseconds: int) -> str:
    """A moment since the epoch, in UTC. Many an event is announced in the same millisecond as the last one."""
    return (_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec="milliseconds")[:-6] + "Z"


def _traceparent(correlation_id: str, event_id: str) -> str:
    """W3C trace context that joins all that one correlation id runs through; its span is the end of the event's id."""
    return f"00-{correlation_id.replace('-', '')}-{event_id[19:23]}{event_id[24:]}-01"
