"""The hall that tests of the edge visit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures import DatabaseFactory
from tests.shared.web.hall import Hall, furnish, open_hall


@pytest.fixture
async def hall(database: DatabaseFactory, tmp_path: Path) -> AsyncIterator[Hall]:
    empty = await database("intake", migrated=False)
    await furnish(empty)
    async with open_hall(empty, tmp_path) as opened:
        yield opened
