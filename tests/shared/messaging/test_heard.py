"""The mark of a key, under any order in which Kafka and crashes may bring its records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.heard import Judgement, Mark
from shared.messaging.parking import StoredRecord
from shared.messaging.records import Fault, Received

NUMBERS = st.integers(min_value=1, max_value=12)


def received(offset: int, sequence: int | None, fault: Fault | None = None) -> Received:
    raw = StoredRecord("t", 0, offset, b"k", b"", ())
    return Received(raw, "t", 0, offset, b"k", sequence=sequence, fault=fault)


@given(st.lists(NUMBERS, max_size=60))
def test_whatever_comes_is_handled_once_and_in_order(sequences: list[int]) -> None:
    mark = Mark("t", b"k")
    handled = []
    for offset, sequence in enumerate(sequences):
        if mark.judge(received(offset, sequence))[0] is Judgement.HANDLE:
            handled.append(sequence)
    assert handled == list(range(1, len(handled) + 1))


@given(st.lists(NUMBERS, max_size=60))
def test_after_the_first_gap_nothing_more_is_handled(sequences: list[int]) -> None:
    mark = Mark("t", b"k")
    judgements = [mark.judge(received(offset, sequence))[0] for offset, sequence in enumerate(sequences)]
    if Judgement.PARK in judgements:
        assert Judgement.HANDLE not in judgements[judgements.index(Judgement.PARK) :]
    assert mark.blocked == (Judgement.PARK in judgements)


@given(last=NUMBERS, crashes=st.lists(NUMBERS, max_size=6))
def test_a_tail_that_a_crash_repeats_is_passed_over(last: int, crashes: list[int]) -> None:
    """The relay sends 1..n, dies, sends a tail again, and goes on: consumers see each once."""
    stream = list(range(1, last + 1))
    for tail in crashes:
        stream += list(range(max(1, last - tail), last + 1))
    mark = Mark("t", b"k")
    judged = [mark.judge(received(offset, sequence))[0] for offset, sequence in enumerate(stream)]
    assert judged.count(Judgement.HANDLE) == last
    assert Judgement.PARK not in judged


@given(offsets=st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True).map(sorted), again=st.integers(0, 20))
def test_without_numbers_the_offset_tells_what_was_heard(offsets: list[int], again: int) -> None:
    mark = Mark("t", b"k")
    read = [*offsets, *offsets[-again:]] if again else offsets
    handled = [offset for offset in read if mark.judge(received(offset, None))[0] is Judgement.HANDLE]
    assert handled == offsets


def test_a_fault_blocks_and_what_follows_says_that_it_waits() -> None:
    mark = Mark("t", b"k")
    assert mark.judge(received(0, 1, Fault("value-not-json"))) == (Judgement.PARK, Fault("value-not-json"))
    assert mark.judge(received(1, 2)) == (Judgement.PARK, Fault("behind"))
    assert mark.last_sequence == 0
