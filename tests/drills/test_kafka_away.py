"""Drill 4 must be able to fail: on a process that says nothing of Kafka, or refuses people because of it."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from tests.drills.drill_04_kafka_away import outages, says_degraded

WELL = {"status": "ready", "parts": {"consumer": "ok", "relay": "ok"}}
DEAF = {"status": "degraded", "parts": {"consumer": "no partition is being polled", "relay": "ok"}}
MUTE = {"status": "degraded", "parts": {"consumer": "ok", "relay": "Kafka does not answer"}}
DOWN = {"status": "not-ready", "parts": {"consumer": "no partition is being polled", "relay": "TimeoutError"}}


@pytest.mark.parametrize("seed", range(5))
def test_kafka_is_away_in_both_ways_in_turns_and_the_same_for_the_same_seed(seed: int) -> None:
    played = outages(Random(seed), most=4, seconds_max=20)
    assert played == outages(Random(seed), most=4, seconds_max=20)
    assert 2 <= len(played) <= 4
    assert all(one.how != other.how for one, other in pairwise(played))
    assert all(1 <= each.seconds <= 20 for each in played)


@pytest.mark.parametrize(
    ("role", "answer", "said"),
    [
        pytest.param("all", (503, DEAF), True, id="hears-nothing"),
        pytest.param("all", (200, WELL), False, id="says-nothing-of-it"),
        pytest.param("all", (503, MUTE), False, id="says-that-it-hears"),
        pytest.param("worker", (503, DOWN), False, id="serves-nobody"),
        pytest.param("worker", (0, {}), False, id="does-not-answer"),
        pytest.param("relay", (503, MUTE), True, id="sends-nothing"),
        pytest.param("relay", (200, WELL), False, id="a-relay-between-two-attempts"),
        pytest.param("api", (200, WELL), True, id="works-on"),
        pytest.param("api", (503, MUTE), False, id="sends-people-away"),
    ],
)
async def test_each_role_says_of_kafka_what_it_needs_of_it(role: str, answer: Any, said: bool) -> None:
    process: Any = SimpleNamespace(role=role, readiness=AsyncMock(return_value=answer))
    assert await says_degraded(process) is said
