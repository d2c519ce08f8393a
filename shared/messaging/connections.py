"""A connection that is gone is a connection error, whatever the event loop calls it.

Kafka's Python client expects an ``OSError`` of a socket that is closed. uvloop, which serves our processes, raises a
bare ``RuntimeError`` between the moment that the broker is gone and the moment that the client is told
(https://github.com/aio-libs/aiokafka/issues/1038). That ends the task which keeps the client's metadata; from then on
whoever looks for the group's coordinator waits for ever, and so does every commit.
"""

from __future__ import annotations

from typing import Any

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


def expect_lost_connections() -> None:
    """From now on, all clients of this process."""
    conn.AIOKafkaConnection = _Connection


class _Connection(AIOKafkaConnection):  # type: ignore[misc]
    """Raises ``KafkaConnectionError`` where the loop says that the transport is closed."""

    async def connect(self) -> Any:
        try:
            return await super().connect()
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            raise self._gone() from error

    def send(self, request: Any, expect_response: bool = True) -> Any:
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            # The client's own errors are kinds of RuntimeError as well.
            if type(error) is not RuntimeError:
                raise
            self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            raise self._gone() from error

    def _gone(self) -> KafkaConnectionError:
        return KafkaConnectionError(f"Connection at {self.host}:{self.port} is gone")
