"""The small city that several tests look at after its story, played once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from local.stack import StackAddresses
from tests.connected.small_city import Played, played_city

FAMILIES = 300


@pytest.fixture(scope="session")
async def played(stack: StackAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    """Undisturbed; who joins it later changes none of its figures."""
    async with played_city(stack, tmp_path_factory.mktemp("story"), FAMILIES) as city:
        yield city
