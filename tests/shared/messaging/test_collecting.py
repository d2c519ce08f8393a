"""Python looks for cycles seldom, and what the last seconds left behind is freed all the same."""

from __future__ import annotations

import weakref

import pytest

from shared.messaging.collecting import collecting_seldom, collecting_the_young
from tests.fixtures import eventually


class _Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_the_last_seconds_left_behind_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.messaging.collecting.YOUNGEST_EVERY_SECONDS", 0.01)
    with collecting_seldom():
        left_behind = weakref.ref(_Ring())
        assert left_behind() is not None
        async with collecting_the_young():
            await eventually(lambda: left_behind() is None)
