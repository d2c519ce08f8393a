"""Nobody awaits the tasks of a library: what ends or stands still is noticed, what is slow is left alone."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from shared.messaging import watching
from shared.messaging.watching import LOOKS_MAX, PartEnded, watch


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)


async def fail() -> None:
    raise ValueError("it died")


async def succeed() -> None:
    return


async def test_the_error_of_a_task_that_died_is_the_cause() -> None:
    with pytest.raises(PartEnded, match="metadata has ended") as ended:
        await watch({"metadata": asyncio.create_task(fail())}, asyncio.Event(), lambda: None)
    assert isinstance(ended.value.__cause__, ValueError)


async def test_a_task_that_returned_has_ended_as_well() -> None:
    with pytest.raises(PartEnded, match="fetching has ended"):
        await watch({"fetching": asyncio.create_task(succeed())}, asyncio.Event(), lambda: None)


async def test_what_does_not_come_round_is_given_up() -> None:
    with pytest.raises(PartEnded, match="stands still"):
        await watch({}, asyncio.Event(), lambda: 7)


@pytest.mark.parametrize("slow", [True, False])
async def test_what_is_slow_or_comes_round_is_left_alone(slow: bool) -> None:
    halt, looks = asyncio.Event(), count(1)

    def rounds() -> int | None:
        look = next(looks)
        if look > 3 * LOOKS_MAX:
            halt.set()
        return None if slow else look

    await watch({}, halt, rounds)
