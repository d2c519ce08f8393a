"""What is retold of a record is what was read of it when it was heard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from shared.events.contracts import CONTRACTS
from shared.events.envelope import EVENT_BYTES_MAX, Event, Fact
from shared.events.intake import HouseholdRegistered
from shared.messaging.records import Told
from shared.messaging.retelling import retell
from tests.contracts.records import ROOT, Record, read, record_of
from tests.shared.messaging.damaged import RECORDS, damaged_once, records

FACTS = [contract for contract in CONTRACTS.values() if contract.kind == "facts"]
NUMBER = 7
ENVELOPE_FAULTS = {"header-missing", "header-wrong", "header-not-text", "subject-disagrees", "unreadable"}
SOUND = record_of(HouseholdRegistered.from_example(), sequence=NUMBER)


def shape(told: Told) -> tuple[Any, ...]:
    fact = told.fact
    assert fact is not None
    return told.event, told.event_type, told.topic, told.key, *(getattr(fact, name) for name in Fact._fields)


@pytest.mark.parametrize("contract", FACTS, ids=lambda contract: contract.__name__)
def test_every_fact_is_retold_as_it_was_read(contract: type[Event]) -> None:
    record = replace(record_of(contract.from_example(), sequence=NUMBER), partition=3, offset=41)
    retold = retell(record, ROOT, NUMBER)
    assert retold is not None
    assert shape(retold) == shape(read(record))


@given(records())
def test_whatever_could_be_read_is_retold_alike_or_left_to_be_read_again(record: Record) -> None:
    _alike_or_left(record)


@pytest.mark.parametrize("record", [SOUND, *RECORDS], ids=["numbered", "fact", "profile", "stranger"])
def test_so_it_is_with_one_damage(record: Record) -> None:
    for each in damaged_once(record):
        _alike_or_left(each)


@pytest.mark.parametrize("number", [0, 1, NUMBER - 1, NUMBER + 1, 10 * NUMBER])
def test_a_fact_of_another_number_is_left(number: int) -> None:
    assert retell(SOUND, ROOT, number) is None


def named(record: Record, name: str, value: str) -> Record:
    return replace(record, headers=(*(each for each in record.headers if each[0] != name), (name, value.encode())))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(named(RECORDS[1], "ce_sequence", str(NUMBER)), id="profile"),
        pytest.param(replace(SOUND, value=None), id="nothing said"),
        pytest.param(replace(SOUND, value=(SOUND.value or b"") + b" " * EVENT_BYTES_MAX), id="too large"),
        pytest.param(replace(SOUND, key=b"0192f1d0-7c11-7a10-8a00-0000000000ff"), id="another household"),
        pytest.param(named(SOUND, "ce_source", "/agencies/dinkes-samarinda/intake"), id="forged source"),
        pytest.param(named(SOUND, "ce_type", "id.tuntas.household.verified.v1"), id="another announcer's type"),
        pytest.param(named(SOUND, "ce_type", "id.tuntas.household.registered.v2"), id="version of nobody"),
        pytest.param(replace(SOUND, topic=f"{ROOT}.intake.dinkes-samarinda"), id="another topic"),
    ],
)
def test_what_is_not_surely_a_fact_of_its_key_is_left(record: Record) -> None:
    assert retell(record, ROOT, NUMBER) is None


def _alike_or_left(record: Record) -> None:
    retold, received = retell(record, ROOT, NUMBER), read(record)
    if retold is None:
        return
    if received.fault is None:
        assert shape(retold) == shape(received)
    else:
        # It stands with the parked, and nobody asks to have it retold; what it says of its household is sound.
        assert received.fault.reason in ENVELOPE_FAULTS
        assert retold.key == received.key
