"""A broker's connection that is gone, as the event loop of production tells of it."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from local.stack import StackAddresses
from shared.messaging.connections import expect_lost_connections


def test_a_connection_that_is_gone_is_a_connection_error_under_uvloop(stack: StackAddresses) -> None:
    expect_lost_connections()

    async def ask_over_a_connection_that_is_gone() -> None:
        client = AIOKafkaClient(**stack.kafka.aiokafka())
        await client.bootstrap()
        try:
            connection = await client._get_conn(client.get_random_node())
            # The loop knows, and the client has not been told yet.
            connection._read_task.cancel()
            connection._writer.transport.abort()
            await connection._closed_fut
            with pytest.raises(KafkaConnectionError):
                await connection.send(MetadataRequest([]))
            assert await client.force_metadata_update()
        finally:
            await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask_over_a_connection_that_is_gone())
