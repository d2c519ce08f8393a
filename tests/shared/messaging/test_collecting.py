"""Python looks for cycles seldom, and what the last seconds left behind is freed all the same."""

from __future__ import annotations

import gc
import weakref

import pytest

from shared.messaging.collecting import collecting_seldom, collecting_the_young
from tests.fixtures import eventually


class _Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_the_last_moments_left_behind_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By looks at the youngest alone."""
    monkeypatch.setattr("shared.messaging.collecting.YOUNGEST_EVERY_SECONDS", 0.01)
    monkeypatch.setattr("shared.messaging.collecting.YOUNG_EVERY_LOOKS", 1_000_000)
    with collecting_seldom():
        left_behind = weakref.ref(_Ring())
        assert left_behind() is not None
        async with collecting_the_young():
            await eventually(lambda: left_behind() is None)


@pytest.mark.parametrize(("many", "every"), [(20_000, 2), (0, 1)])
async def test_what_was_in_use_at_a_look_or_came_with_many_others_is_freed_a_little_later(
    monkeypatch: pytest.MonkeyPatch, many: int, every: int
) -> None:
    monkeypatch.setattr("shared.messaging.collecting.YOUNGEST_EVERY_SECONDS", 0.01)
    monkeypatch.setattr("shared.messaging.collecting.YOUNG_EVERY_LOOKS", every)
    monkeypatch.setattr("shared.messaging.collecting.FEW_OBJECTS", many)
    with collecting_seldom():
        ring: _Ring | None = _Ring()
        left_behind = weakref.ref(ring)
        gc.collect(0)
        ring = None
        gc.collect(0)
        assert left_behind() is not None
        async with collecting_the_young():
            await eventually(lambda: left_behind() is None)
