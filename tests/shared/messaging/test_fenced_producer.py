"""What a relay's producer does while no broker is there."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from shared.messaging.fenced_producer import FAILURES_APART_SECONDS, rest_after_failures


@pytest.mark.parametrize(("told", "rests"), [(False, [FAILURES_APART_SECONDS]), (True, [])])
async def test_a_client_rests_only_when_nobody_could_tell_it_who_leads(
    told: bool, rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    rested = AsyncMock()
    monkeypatch.setattr("shared.messaging.fenced_producer.asyncio", SimpleNamespace(sleep=rested))
    client = SimpleNamespace(_metadata_update=(refresh := AsyncMock(return_value=told)))
    rest_after_failures(client)
    assert await client._metadata_update("cluster", {"topic"}) is told
    refresh.assert_awaited_once_with("cluster", {"topic"})
    assert [each.args[0] for each in rested.await_args_list] == rests
