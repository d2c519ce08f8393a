"""What Kafka cannot say of a group yet is an error, and not "nothing".

Asked for a group's offsets, a broker that is still loading them, or that coordinates another group by now, answers with
an error for the whole group beside an empty list. Kafka's Python client looks at the list alone: a consumer would take
every partition for one of which nothing is committed, and begin it anew; the administrator's client would say that the
group has no offsets.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.commit import OffsetFetchResponse_v2, OffsetFetchResponse_v3

_ANSWERS = (OffsetFetchResponse_v2, OffsetFetchResponse_v3)
_send = AIOKafkaClient.send


def heed_group_errors() -> None:
    """From now on, all clients of this process raise such an error; a consumer asks again where that may help."""
    AIOKafkaClient.send = _send_and_look


@wraps(_send)
async def _send_and_look(client: AIOKafkaClient, *request: Any, **options: Any) -> Any:
    answer = await _send(client, *request, **options)
    if isinstance(answer, _ANSWERS):
        error = for_code(answer.error_code)
        if error is not NoError:
            raise error("Kafka cannot say what the group has committed.")
    return answer
