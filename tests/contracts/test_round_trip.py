"""What is announced is what is heard: for the examples, for whatever else a contract allows, and across releases."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.events.fields import Category, MemberOutcome, OpenEnum
from shared.events.verification import HouseholdVerified
from shared.messaging.failures import ContractBroken
from tests.contracts.instances import instances_of
from tests.contracts.kinds import EVENTS, fields_of, leaves
from tests.contracts.records import announced, read, record_of, stranger


def _is_state(kind: Any) -> bool:
    return any(isinstance(leaf, type) and issubclass(leaf, OpenEnum) for leaf in leaves(kind))


STATES = [(event, name) for event in EVENTS for name, kind in fields_of(event).items() if _is_state(kind)]
BY_NAME = [pytest.param(event, id=event.__name__) for event in EVENTS]


@pytest.mark.parametrize("event", BY_NAME)
def test_the_example_is_heard_as_it_was_announced(event: type[Event]) -> None:
    example = event.from_example()
    received = read(record_of(example))
    assert received.fault is None
    assert received.event == example


@pytest.mark.parametrize("event", BY_NAME)
def test_the_example_says_all_and_nothing_else(event: type[Event]) -> None:
    as_announced = event.from_example().model_dump(mode="json", exclude_unset=True)
    assert as_announced == event.example


@pytest.mark.parametrize("event", BY_NAME)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_whatever_a_contract_allows_survives_the_bus(event: type[Event], data: st.DataObject) -> None:
    said = data.draw(instances_of(event))
    # Sixteen digits in a row are refused wherever they stand, because they may be somebody's number.
    assume(not re.search(r"(?<![0-9A-Za-z-])[0-9]{16}(?![0-9A-Za-z-])", said.model_dump_json()))
    received = read(record_of(said))
    assert received.fault is None
    assert received.event == said
    assert received.fact is not None
    assert received.fact.subject == said.subject


@pytest.mark.parametrize("event", BY_NAME)
def test_a_field_of_a_newer_announcer_is_passed_over(event: type[Event]) -> None:
    payload = orjson.dumps({**event.example, "added_in_2031": [1, 2, 3]})
    assert read(stranger(event, payload)).event == event.from_example()


@pytest.mark.parametrize(("event", "field"), STATES)
def test_a_state_of_a_newer_announcer_reads_as_unknown(event: type[Event], field: str) -> None:
    received = read(stranger(event, orjson.dumps({**event.example, field: "invented-in-2031"})))
    assert getattr(received.event, field).value == "unknown"


def test_so_does_a_state_within_a_part() -> None:
    outcomes = [{"member_id": "0192f1d0-7c11-7a10-8a00-0000000000b1", "outcome": "ascended"}]
    received = read(stranger(HouseholdVerified, orjson.dumps({**HouseholdVerified.example, "outcomes": outcomes})))
    assert isinstance(received.event, HouseholdVerified)
    assert received.event.outcomes[0].outcome is MemberOutcome.UNKNOWN


def test_unknown_is_never_announced() -> None:
    verified = HouseholdVerified.from_example().model_copy(update={"category": Category.UNKNOWN})
    with pytest.raises(ContractBroken, match="UNKNOWN"):
        announced(verified)
