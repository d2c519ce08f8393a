"""The short way of reading a record gives what the careful way gives, whatever the record holds."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event
from shared.messaging.ids import read_id
from shared.messaging.records import receive, receive_sound, receive_with_care
from tests.contracts.records import ROOT, Anywhere, Record, record_of
from tests.shared.messaging.damaged import IDS, RECORDS, OnlyIn, damaged_once, records


@pytest.mark.parametrize("record", RECORDS, ids=["fact", "profile", "stranger"])
def test_one_damage_is_read_alike_both_ways(record: Record) -> None:
    for each in damaged_once(record):
        assert receive(each, ROOT, OnlyIn()) == receive_with_care(each, ROOT, OnlyIn())


@given(records())
def test_the_short_way_reads_what_the_careful_way_reads(record: Record) -> None:
    assert receive(record, ROOT, OnlyIn()) == receive_with_care(record, ROOT, OnlyIn())


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.__name__)
def test_what_our_announcers_write_goes_the_short_way(contract: type[Event]) -> None:
    record = record_of(contract.from_example())

    sound = receive_sound(record, ROOT, Anywhere())

    assert sound is not None
    assert sound.fault is None
    assert sound == receive_with_care(record, ROOT, Anywhere())


@given(st.sampled_from(IDS) | st.text(alphabet="0123456789abcdefABCDEF-", min_size=34, max_size=38) | st.text())
def test_an_id_is_read_as_python_reads_it(text: str) -> None:
    try:
        expected = UUID(text)
    except ValueError:
        expected = None
    assert read_id(text) == expected
