"""The CloudEvents SDK reads what we write: its binary mode for Kafka is the judge of our headers."""

from __future__ import annotations

import json

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat

from shared.events.asyncapi import example_headers
from shared.events.envelope import Event
from tests.contracts.kinds import EVENTS
from tests.contracts.records import Record, read, record_of

BY_NAME = [pytest.param(event, id=event.__name__) for event in EVENTS]


@pytest.mark.parametrize("event", BY_NAME)
def test_the_sdk_reads_our_records(event: type[Event]) -> None:
    record = record_of(event.from_example())
    assert record.value is not None
    understood = from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
    assert understood.get_type() == event.full_type()
    assert understood.get_source() == f"/agencies/dinsos-samarinda/{event.announcer}"
    assert understood.get_subject() == event.from_example().subject
    assert understood.get_datacontenttype() == "application/json"
    time = understood.get_time()
    assert time is not None
    assert time.tzinfo is not None
    assert understood.get_extension("partitionkey") == str(event.from_example().subject_id)
    assert understood.get_extension("sequence") == ("1" if event.kind == "facts" else None)
    assert event.model_validate(understood.get_data()) == event.from_example()


@pytest.mark.parametrize("event", BY_NAME)
def test_we_read_what_the_sdk_writes(event: type[Event]) -> None:
    ours = record_of(event.from_example())
    assert ours.value is not None
    understood = from_binary(KafkaMessage(dict(ours.headers), ours.key, ours.value), JSONFormat())
    written = to_binary(understood, JSONFormat(), key_mapper=lambda _: ours.key)
    theirs = Record(ours.topic, ours.key, written.value, tuple(written.headers.items()))
    received = read(theirs)
    assert received.fault is None
    assert received.event == event.from_example()


@pytest.mark.parametrize("event", BY_NAME)
def test_the_headers_of_asyncapi_are_enough(event: type[Event]) -> None:
    headers = tuple((name, text.encode()) for name, text in example_headers(event).items())
    ours = record_of(event.from_example())
    received = read(Record(ours.topic, ours.key, json.dumps(event.example).encode(), headers))
    assert received.fault is None
    assert received.event == event.from_example()
