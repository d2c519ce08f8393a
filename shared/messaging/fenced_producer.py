"""A producer with a name: once the next one of that name has written somewhere, the broker refuses this one there.

A relay that was suspended with a batch in hand may wake up when another has gone on. Facts that it then sends are
passed over by their numbers; profiles have none, and their compacted topic would keep the older one for good.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer

FAILURES_APART_SECONDS = 0.1


class FencedProducer(AIOKafkaProducer):  # type: ignore[misc]
    """Named as a transactional producer is, and sends without transactions.

    Kafka gives all that begin under one name the same id, and each a higher epoch. A partition refuses an epoch below
    the one that was written there last: to whoever sends, that is a ``ProducerFenced``.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(transactional_id=name, **options)

    async def start(self) -> None:
        """Connect, and take id and epoch."""
        await super().start()
        # The name has done its work. Readers take whatever is written, so that transactions would only cost.
        self._txn_manager.transactional_id = None
        rest_after_failures(self.client)


def rest_after_failures(client: Any) -> None:
    """Let a client rest a moment whenever no broker could tell it who leads what.

    Its sender would ask again at once, for as long as it has something to send: two thousand connections a second to a
    broker that is away, and two lines of the log for each.
    """
    refresh = client._metadata_update

    async def refresh_or_rest(*about: Any) -> Any:
        done = await refresh(*about)
        if not done:
            await asyncio.sleep(FAILURES_APART_SECONDS)
        return done

    client._metadata_update = refresh_or_rest
