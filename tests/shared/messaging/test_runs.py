"""How a batch is divided among handlers: in few runs of one type, each household in the order in which it was told."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.events.intake import HouseholdRegistered, HouseholdUpdated, HouseholdWithdrawn
from shared.messaging.hearing import runs_of_a_type
from shared.messaging.parking import StoredRecord
from shared.messaging.records import Received

TYPES: list[type[Event]] = [HouseholdRegistered, HouseholdUpdated, HouseholdWithdrawn]
EXAMPLES = {each: each.from_example() for each in TYPES}
batches = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(TYPES)), max_size=40)


def received(told: list[tuple[str, type[Event]]]) -> list[Received]:
    found = []
    for offset, (key, kind) in enumerate(told):
        raw = StoredRecord("t", 0, offset, key.encode(), b"", ())
        found.append(Received(raw, "t", 0, offset, key.encode(), event=EXAMPLES[kind], event_type=kind))
    return found


@given(batches)
def test_each_household_is_handled_in_its_order_and_nothing_is_left_out(told: list[tuple[str, type[Event]]]) -> None:
    batch = received(told)
    handled = [each for _, run in runs_of_a_type(batch) for each in run]
    assert sorted(each.offset for each in handled) == list(range(len(batch)))
    for key in "abcd":
        offsets = [each.offset for each in handled if each.key == key.encode()]
        assert offsets == sorted(offsets)


@given(batches)
def test_a_run_is_of_one_type_and_two_neighbours_never_of_the_same(told: list[tuple[str, type[Event]]]) -> None:
    runs = runs_of_a_type(received(told))
    assert all(each.event_type is kind for kind, run in runs for each in run)
    assert all(before is not after for (before, _), (after, _) in pairwise(runs))


def test_types_that_alternate_between_households_make_two_runs() -> None:
    told: list[tuple[str, type[Event]]] = [
        (key, kind) for key in "abcd" for kind in (HouseholdRegistered, HouseholdUpdated)
    ]
    assert [kind for kind, _ in runs_of_a_type(received(told))] == [HouseholdRegistered, HouseholdUpdated]
