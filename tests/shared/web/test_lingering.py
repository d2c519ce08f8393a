"""Who waits for company, and for how long: with a clock that is only a number."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.lingering import APART_SECONDS, COMPANY_SECONDS, PASSES_MAX, TOGETHER_MAX, Lingering

MOMENT = APART_SECONDS / 100


def after_one_alone(at: float = 0.0) -> Lingering:
    """A transaction began at that time, for one who had come alone."""
    lingering = Lingering()
    lingering.begins(at)
    lingering.ended(1, 0)
    return lingering


def wrote(together: int, behind: int) -> Lingering:
    """So many wrote together long ago, and so many stood behind them."""
    lingering = Lingering()
    lingering.ended(together, behind)
    return lingering


def test_who_comes_first_or_to_a_quiet_place_does_not_wait() -> None:
    assert Lingering().until(1, now=0.0) <= 0.0
    assert after_one_alone().until(1, now=APART_SECONDS) <= APART_SECONDS


def test_who_comes_soon_after_another_waits_until_the_time_between_two_is_over() -> None:
    assert after_one_alone().until(1, now=MOMENT) == APART_SECONDS


@pytest.mark.parametrize(("last", "enough"), [(1, 2), (2, 2), (5, 5), (TOGETHER_MAX + 5, TOGETHER_MAX)])
def test_all_who_were_there_the_last_time_are_enough(last: int, enough: int) -> None:
    """So clients that send as soon as they are answered wait for each other, and for nobody else."""
    lingering = wrote(last, 0)
    lingering.begins(0.0)
    assert lingering.enough == enough
    assert lingering.until(enough, now=MOMENT) <= MOMENT
    assert lingering.until(enough - 1, now=MOMENT) > MOMENT


@pytest.mark.parametrize(("waiting", "waits"), [(4, COMPANY_SECONDS), (5, 0.0)])
def test_those_who_wrote_or_stood_behind_the_last_time_are_waited_for_a_moment(waiting: int, waits: float) -> None:
    """However long the last transaction took."""
    assert wrote(together=3, behind=2).until(waiting, now=10.0) == pytest.approx(10.0 + waits)


def waits_of_one_client(each_takes: float, requests: int) -> Iterable[bool]:
    """Of each request of a client that sends one after the other, whether it waited. Nobody else sends."""
    lingering, now = Lingering(), 0.0
    for _ in range(requests):
        until = lingering.until(1, now)
        yield until > now
        if until > now:
            now = until
            lingering.waited(joined=0)
        lingering.begins(now)
        now += each_takes
        lingering.ended(1, 0)


@given(st.floats(min_value=0.001, max_value=APART_SECONDS * 0.99))
def test_who_sends_one_after_the_other_waits_seldom(each_takes: float) -> None:
    waits = list(waits_of_one_client(each_takes, 1_000))
    assert sum(waits[:100]) <= 7
    assert sum(waits[500:]) <= 500 / PASSES_MAX + 1


def test_as_soon_as_somebody_joins_waiting_is_worth_it_again() -> None:
    lingering = after_one_alone()
    for _ in range(3):
        lingering.waited(joined=0)
    assert lingering.until(1, now=MOMENT) <= MOMENT
    lingering = after_one_alone()
    lingering.waited(joined=0)
    lingering.until(1, now=MOMENT)
    lingering.waited(joined=1)
    lingering.waited(joined=0)
    assert lingering.until(1, now=MOMENT) <= MOMENT
    assert lingering.until(1, now=MOMENT) == APART_SECONDS


@given(
    arrives_each=st.floats(min_value=0.002, max_value=APART_SECONDS / 3),
    takes=st.floats(min_value=0.001, max_value=APART_SECONDS / 2),
)
def test_those_who_come_evenly_and_fast_share_transactions_and_none_waits_longer_than_it_may(
    arrives_each: float, takes: float
) -> None:
    """Nearly two for each transaction, or more; and nobody waits for his longer than for another and the time apart."""
    arrivals = [number * arrives_each for number in range(400)]
    lingering, now, begun, transactions = Lingering(), 0.0, 0, 0
    while begun < len(arrivals):
        now = max(now, arrivals[begun])
        waiting = sum(at <= now for at in arrivals[begun:])
        until = lingering.until(min(waiting, TOGETHER_MAX), now)
        if until > now:
            here = begun + lingering.enough - 1
            goes = min(until, max(now, arrivals[here])) if here < len(arrivals) else until
            lingering.waited(sum(now < at <= goes for at in arrivals[begun:]))
            now = goes
        together = min(TOGETHER_MAX, sum(at <= now for at in arrivals[begun:]))
        assert now - arrivals[begun] <= takes + max(APART_SECONDS, COMPANY_SECONDS) + 1e-9
        lingering.begins(now)
        begun, now, transactions = begun + together, now + takes, transactions + 1
        lingering.ended(together, sum(at <= now for at in arrivals[begun:]))
    assert transactions <= len(arrivals) * 0.6
