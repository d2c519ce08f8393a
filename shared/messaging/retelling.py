"""Retelling: what was handled once is read again, by where it stands.

A rebuild does not ask again what was found out when a record was heard, and what no fold needs: whether its announcer
may say this of this region, and whether all of its envelope is as it should be. Whatever had failed stands with the
parked. What is read is the contract, the event, that it is the next one of its key, and that it is about that key: a
record of a contract that was not known then was passed over, and nobody has judged it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from shared.events.envelope import EVENT_BYTES_MAX, Event, Fact
from shared.messaging.ids import read_id, text_of
from shared.messaging.records import Announced, RawRecord, announced_as, instant_of


class Retold:
    """A handled record with its event. It is its own ``Fact``, whose envelope is read when it is asked for.

    Raises:
        LookupError, ValueError: the envelope does not say what it is asked for. Of a record that was handled it does.
    """

    __slots__ = ("_announced", "_headers", "event", "event_type", "raw", "sequence", "topic")

    def __init__(
        self, raw: RawRecord, announced: Announced, headers: Mapping[str, bytes], event: Event, sequence: int
    ) -> None:
        self.raw, self.topic, self.sequence = raw, raw.topic, sequence
        self.event, self.event_type = event, announced.contract
        self._announced, self._headers = announced, headers

    @property
    def fact(self) -> Fact:
        # Of the same attributes. To read all of them would cost an eighth of a rebuild, and folds ask for one or two.
        return cast("Fact", self)

    @property
    def id(self) -> UUID:
        return self._id("ce_id")

    @property
    def type(self) -> str:
        return self._announced.full_type

    @property
    def source(self) -> str:
        return self._announced.source

    @property
    def service(self) -> str:
        return self._announced.service

    @property
    def agency(self) -> str:
        return self._announced.agency

    @property
    def subject(self) -> str:
        return self._headers["ce_subject"].decode()

    @property
    def key(self) -> bytes:
        return self.raw.key or b""

    @property
    def time(self) -> datetime:
        time = instant_of(self._headers["ce_time"].decode())
        if time is None:
            raise ValueError("ce_time is no moment")
        return time

    @property
    def correlation_id(self) -> UUID:
        return self._id("ce_correlationid" if "ce_correlationid" in self._headers else "ce_id")

    @property
    def causation_id(self) -> UUID | None:
        return read_id(self._headers["ce_causationid"].decode()) if "ce_causationid" in self._headers else None

    @property
    def partition(self) -> int:
        return self.raw.partition

    @property
    def offset(self) -> int:
        return self.raw.offset

    def _id(self, name: str) -> UUID:
        found = read_id(self._headers[name].decode())
        if found is None:
            raise ValueError(f"{name} is no id")
        return found


def retell(raw: RawRecord, root: str, number: int) -> Retold | None:
    """The fact of a key with this number, once more. The caller knows that it was handled.

    Returns:
        None where there is more to judge a record by than its number: profiles, facts without one or with another, and
        whatever no announcer of ours would write.
    """
    try:
        headers = dict(raw.headers)
        announced = announced_as(raw.topic, root, headers["ce_source"], headers["ce_type"])
        if not announced.numbered or headers["ce_sequence"] != b"%d" % number:
            return None
        if not raw.value or len(raw.value) > EVENT_BYTES_MAX:
            return None
        event = announced.contract.__pydantic_validator__.validate_json(raw.value)
        if raw.key != text_of(event.subject_id).encode():
            return None
    except Exception:  # noqa: BLE001 - what it was, is found out by whoever reads with care
        return None
    return Retold(raw, announced, headers, event, number)
