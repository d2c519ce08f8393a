"""A record as it came, read without ever raising: what is wrong with it is a value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared.events.contracts import event_class, is_newer_version_of_known
from shared.events.envelope import EVENT_BYTES_MAX, Event, Fact, Tombstone
from shared.events.topics import Announcer, parse_topic
from shared.messaging.announcing import source_of
from shared.messaging.ids import is_plain_key, read_id, text_of

EventType = type[Event]

_REQUIRED = frozenset(("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"))
_ENVELOPE = (
    "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_sequence", "ce_correlationid", "ce_causationid",
)  # fmt: skip
"""What is read of an envelope."""
_WRITTEN = frozenset((*_ENVELOPE, "ce_specversion", "ce_dataschema", "content-type", "traceparent"))
"""What our announcers write."""


class Placed(Protocol):
    """Where a record stands in the log."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


class RawRecord(Placed, Protocol):
    """What a Kafka client hands over."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Authority(Protocol):
    """Whose word counts where; the agency directory answers."""

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot be handled. ``detail`` names places and sizes, never a value of the record."""

    reason: str
    detail: dict[str, Any] = field(default_factory=dict)


class Told(Placed, Protocol):
    """What handlers are given of a record."""

    @property
    def key(self) -> bytes: ...
    @property
    def fact(self) -> Fact | None: ...
    @property
    def event(self) -> Event | Tombstone | None: ...
    @property
    def event_type(self) -> EventType | None: ...


@dataclass(slots=True)
class Received:
    """A record with what could be read of it: a fact and its event, or a fault; neither where it may be passed over."""

    raw: RawRecord
    topic: str
    partition: int
    offset: int
    key: bytes
    sequence: int | None = None
    type: str | None = None
    event_id: UUID | None = None
    fact: Fact | None = None
    event: Event | Tombstone | None = None
    event_type: EventType | None = None
    fault: Fault | None = None


def receive(raw: RawRecord, root: str, authority: Authority) -> Received:
    """Read a record. Whatever it holds, this returns."""
    try:
        sound = receive_sound(raw, root, authority)
    except Exception:  # noqa: BLE001 - what it was, is found out and said by whoever reads with care
        sound = None
    return receive_with_care(raw, root, authority) if sound is None else sound


def receive_sound(raw: RawRecord, root: str, authority: Authority) -> Received | None:
    """The short way, for records with which nothing at all is wrong, as nearly all are.

    Of any other it says nothing, by None or by whatever it raises; and it knows few ways of writing an envelope.
    """
    names, values = zip(*raw.headers, strict=True)
    envelope = _envelope_among(names)
    together = b"".join(values)
    if not together.isascii() or b"\0" in together:
        return None
    ce_id, source, kind, subject, ce_time, ce_sequence, ce_correlation, ce_causation = envelope((*values, None))
    contract, full_type, said_by, service, agency, numbered = announced_as(raw.topic, root, source, kind)
    sequence = _positive(ce_sequence.decode()) if numbered and ce_sequence is not None else None
    event_id, time = read_id(ce_id.decode()), instant_of(ce_time.decode())
    correlation = event_id if ce_correlation is None else read_id(ce_correlation.decode())
    if event_id is None or time is None or correlation is None or (numbered and sequence is None):
        return None
    key, value, about = raw.key, raw.value, subject.decode()
    if not key or not value or len(value) > EVENT_BYTES_MAX:
        return None
    event = contract.__pydantic_validator__.validate_json(value)
    identity = text_of(event.subject_id)
    if key != identity.encode() or about != f"{event.kind_of_subject}/{identity}":
        return None
    region = getattr(event, contract.region_field, None)
    if region is not None and not authority.may_announce(service, agency, region, time.date()):
        return None
    causation = None if ce_causation is None else read_id(ce_causation.decode())
    topic, partition, offset = raw.topic, raw.partition, raw.offset
    fact = Fact(
        event_id, full_type, said_by, service, agency, about, key, time, sequence, correlation, causation,
        topic, partition, offset,
    )  # fmt: skip
    return Received(raw, topic, partition, offset, key, sequence, full_type, event_id, fact, event, contract)


@lru_cache(maxsize=256)
def _envelope_among(names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Takes the values of ``_ENVELOPE`` out of those of headers of these names, behind which one more stands for None.

    Raises:
        LookupError: a name is missing, stands twice, or is none of those that our announcers write. What is raised is
            not remembered: nobody else can make this grow.
    """
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names) or not _REQUIRED <= places.keys() <= _WRITTEN:
        raise LookupError
    return itemgetter(*(places.get(name, len(names)) for name in _ENVELOPE))


class Announced(NamedTuple):
    """What is known of a record by its topic, its source and its type."""

    contract: type[Event]
    full_type: str
    source: str
    service: str
    agency: str
    numbered: bool


@lru_cache(maxsize=4096)
def announced_as(topic: str, root: str, source: bytes, kind: bytes) -> Announced:
    """Who announces what. Raises LookupError where this source may not say this on this topic, or nobody knows it."""
    full_type = kind.decode()
    known, contract = _announcer_on(topic, root), event_class(full_type)
    if known is None or contract is None:
        raise LookupError
    announcer, expected_source = known
    says, announces = (contract.announcer, contract.kind), (announcer.service, announcer.kind)
    if source != expected_source.encode() or says != announces:
        raise LookupError
    numbered = announcer.kind == "facts"
    return Announced(contract, full_type, expected_source, announcer.service, announcer.agency, numbered)


def receive_with_care(raw: RawRecord, root: str, authority: Authority) -> Received:
    """The same as ``receive``, step by step. It says what is wrong with a record."""
    received = Received(raw, raw.topic, raw.partition, raw.offset, _mark_key(raw))
    try:
        received.fault = _read(received, raw, root, authority)
    except Exception as unforeseen:  # noqa: BLE001 - a reader that raises would lose the whole batch
        received.fault = Fault("unreadable", {"error": type(unforeseen).__name__})
    return received


def glance(raw: RawRecord, root: str) -> Received:
    """Where a record stands: its key and, where its own announcer wrote one, its number. For counting only."""
    received = Received(raw, raw.topic, raw.partition, raw.offset, _mark_key(raw))
    announcer = parse_topic(raw.topic, root)
    if announcer is not None and announcer.kind == "facts":
        headers = dict(raw.headers)
        if headers.get("ce_source") == source_of(announcer.service, announcer.agency).encode():
            received.sequence = _positive((headers.get("ce_sequence") or b"").decode("ascii", "replace"))
    return received


def _read(received: Received, raw: RawRecord, root: str, authority: Authority) -> Fault | None:
    headers, fault = _headers(raw)
    received.type = headers.get("ce_type")
    received.event_id = read_id(headers.get("ce_id"))
    known = _announcer_on(raw.topic, root)
    if known is None:
        return fault or Fault("topic-unknown")
    announcer, expected_source = known
    if headers.get("ce_source") == expected_source and announcer.kind == "facts":
        # Only the announcer's own numbers count: a stranger's must not move what was heard of the topic's owner.
        received.sequence = _positive(headers.get("ce_sequence"))
    if fault is not None:
        return fault
    if not headers.keys() >= _REQUIRED:
        return Fault("header-missing", {"headers": sorted(_REQUIRED - headers.keys())})
    if headers["ce_source"] != expected_source:
        return Fault("source-forged", {"expected": expected_source})
    if raw.key is None:
        return Fault("key-missing")
    if received.key != raw.key:
        return Fault("key-wrong", {"bytes": len(raw.key)})
    if "ce_sequence" in headers and received.sequence is None and announcer.kind == "facts":
        return Fault("header-wrong", {"headers": ["ce_sequence"]})
    time = instant_of(headers["ce_time"])
    correlation = read_id(headers["ce_correlationid"]) if "ce_correlationid" in headers else received.event_id
    if received.event_id is None or time is None or correlation is None:
        return Fault("header-wrong", {"headers": ["ce_id", "ce_time", "ce_correlationid"]})
    causation = read_id(headers["ce_causationid"]) if "ce_causationid" in headers else None
    received.fact = Fact(
        received.event_id, headers["ce_type"], headers["ce_source"], announcer.service, announcer.agency,
        headers["ce_subject"], raw.key, time, received.sequence, correlation, causation,
        raw.topic, raw.partition, raw.offset,
    )  # fmt: skip
    return _read_event(received, raw, announcer.kind, authority)


def _read_event(received: Received, raw: RawRecord, kind: str, authority: Authority) -> Fault | None:
    fact = received.fact
    assert fact is not None  # noqa: S101 - set by the only caller
    contract = event_class(fact.type)
    if contract is None:
        return None if is_newer_version_of_known(fact.type) else Fault("type-unknown", {"type": fact.type[:120]})
    if contract.announcer != fact.service or contract.kind != kind:
        return Fault("type-forged", {"type": fact.type})
    received.event_type = contract
    if not raw.value:
        return _read_tombstone(received, contract)
    if len(raw.value) > EVENT_BYTES_MAX:
        return Fault("too-large", {"bytes": len(raw.value), "max": EVENT_BYTES_MAX})
    try:
        event = contract.__pydantic_validator__.validate_json(raw.value)
    except ValidationError as wrong:
        return _misshapen(raw.value, wrong)
    subject = text_of(event.subject_id)
    if fact.key != subject.encode() or fact.subject != f"{event.kind_of_subject}/{subject}":
        return Fault("subject-disagrees", {"with": ["ce_subject", "key", contract.subject_field]})
    region = getattr(event, contract.region_field, None)
    if region is not None and not authority.may_announce(fact.service, fact.agency, region, fact.time.date()):
        return Fault("unauthorised", {"region": region})
    received.event = event
    return None


def _read_tombstone(received: Received, contract: type[Event]) -> Fault | None:
    household = read_id(received.key.decode("ascii", "replace"))
    if contract.kind != "profiles" or household is None:
        return Fault("value-missing")
    received.event = Tombstone(household_id=household)
    return None


def _misshapen(value: bytes, wrong: ValidationError) -> Fault:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return Fault("value-not-json", {"bytes": len(value)})
    errors = wrong.errors(include_input=False, include_url=False, include_context=False)
    places = [{"at": ".".join(map(str, each["loc"]))[:120], "fault": each["type"]} for each in errors[:20]]
    return Fault("value-misshapen", {"places": places})


def _mark_key(raw: RawRecord) -> bytes:
    """The key under which a record is remembered: its UUID; of any other key only a digest, whatever it may hold."""
    if raw.key is None:
        return b"without-key:%d" % raw.partition
    if is_plain_key(raw.key):
        return raw.key
    if len(raw.key) == 36 and read_id(raw.key.decode("ascii", "replace")) is not None:
        return raw.key
    return b"strange:" + hashlib.sha256(raw.key).hexdigest().encode()


@lru_cache(maxsize=4096)
def _announcer_on(topic: str, root: str) -> tuple[Announcer, str] | None:
    """Who announces on a topic, and under which source."""
    announcer = parse_topic(topic, root)
    return None if announcer is None else (announcer, source_of(announcer.service, announcer.agency))


def _headers(raw: RawRecord) -> tuple[dict[str, str], Fault | None]:
    try:
        # Nearly every record: all of it is text, and no name needs a second look.
        plain = {name: value.decode() for name, value in raw.headers}
    except (AttributeError, UnicodeError):
        return _headers_one_by_one(raw)
    if "".join(plain).isascii() and "\x00" not in "".join(plain.values()):
        return plain, None
    return _headers_one_by_one(raw)


def _headers_one_by_one(raw: RawRecord) -> tuple[dict[str, str], Fault | None]:
    read: dict[str, str] = {}
    unreadable: list[str] = []
    for name, value in raw.headers:
        try:
            name.encode("utf-8")
            text = bytes(value).decode("utf-8")
        except (TypeError, UnicodeError):
            # A name that is no text came with surrogates for its bytes (see unpacking.py).
            unreadable.append(name.encode("utf-8", "backslashreplace").decode())
            continue
        if "\x00" in text:
            unreadable.append(name)
            continue
        read[name] = text
    known = [name for name in unreadable if name.startswith("ce_") or name == "content-type"]
    return read, Fault("header-not-text", {"headers": known or unreadable}) if unreadable else None


def _positive(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text) or None


def instant_of(text: str) -> datetime | None:
    """An aware moment; None where the text says none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is UTC:
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else None
