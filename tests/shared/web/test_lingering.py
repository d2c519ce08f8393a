"""Who waits for company, and for how long: with a clock that is only a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.lingering import APART_SECONDS, COMPANY_SECONDS, FEW, PASSES_MAX, TOGETHER_MAX, Lingering, Wait

LONG_AGO = float("-inf")


def after(together: int, behind: int = 0, at: float = 0.0) -> Lingering:
    """A transaction began at that time; it wrote for so many, and so many came meanwhile."""
    lingering = Lingering()
    lingering.begins(at)
    lingering.ended(together, behind)
    return lingering


def test_who_comes_first_has_nobody_to_wait_for() -> None:
    assert Lingering().for_others() == Wait(until=LONG_AGO, enough=2)
    assert Lingering().for_company(came=5.0).enough == 1


@pytest.mark.parametrize(("last", "enough"), [(1, 2), (2, 2), (FEW, FEW), (FEW + 1, FEW), (TOGETHER_MAX, FEW)])
def test_few_wait_for_others_until_the_time_between_two_transactions_is_over(last: int, enough: int) -> None:
    assert after(last, at=7.0).for_others() == Wait(until=7.0 + APART_SECONDS, enough=enough)


@pytest.mark.parametrize(("together", "behind", "expected"), [(1, 0, 1), (3, 2, 5), (TOGETHER_MAX, 9, TOGETHER_MAX)])
def test_all_who_were_there_the_last_time_wait_a_moment_for_each_other(
    together: int, behind: int, expected: int
) -> None:
    """However long the last transaction took; and nobody who was not there."""
    assert after(together, behind).for_company(came=10.0) == Wait(until=10.0 + COMPANY_SECONDS, enough=expected)


def waits_of_one_client(requests: int) -> Iterator[bool]:
    """Of each request of a client that sends one after the other, soon: whether it waited. Nobody else sends."""
    lingering = Lingering()
    for _ in range(requests):
        waits = lingering.for_others() is not None
        if waits:
            lingering.joined(0)
        lingering.begins(0.0)
        lingering.ended(1, 0)
        yield waits


def test_who_sends_one_after_the_other_waits_seldom() -> None:
    waits = list(waits_of_one_client(1_000))
    assert sum(waits[:100]) <= 8
    assert 1 <= sum(waits[500:]) <= 500 / PASSES_MAX + 1


@given(vain=st.integers(min_value=1, max_value=10))
def test_once_somebody_joined_it_is_tried_again_soon(vain: int) -> None:
    lingering = Lingering()

    def passes() -> int:
        count = 0
        while lingering.for_others() is None:
            lingering.ended(1, 0)
            count += 1
        return count

    for _ in range(vain):
        passes()
        lingering.joined(0)
    assert passes() == min(2 ** (vain - 1), PASSES_MAX)
    lingering.joined(1)
    lingering.joined(0)
    assert passes() == 1
