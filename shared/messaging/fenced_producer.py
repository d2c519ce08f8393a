"""A producer with a name: once the next one of that name has written somewhere, the broker refuses this one there.

A relay that was suspended with a batch in hand may wake up when another has gone on. Facts that it then sends are
passed over by their numbers; profiles have none, and their compacted topic would keep the older one for good.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer


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
