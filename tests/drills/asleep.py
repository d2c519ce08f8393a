"""A process puts itself to sleep exactly at a named point of an event's way, and holds whatever it had in hand."""

from __future__ import annotations

from tests.drills.coming_true import comes_true
from tests.drills.process import DrillProcess

FALLS_ASLEEP_WITHIN_SECONDS = 20.0


async def falls_asleep(
    process: DrillProcess, point: str, nth: int = 1, *, within: float = FALLS_ASLEEP_WITHIN_SECONDS
) -> bool:
    """Begin a life that suspends itself (SIGSTOP) the nth time it comes to a point; whether it did so in time.

    For a process that does not run. It may fall asleep before it is ready; ``resume`` wakes it up, and it does not fall
    asleep again. One that was not asleep in time may still be on its way there.
    """
    process.deployed.fault = ["stop_at", point, str(nth)]
    await process.start()
    process.deployed.fault = []
    return await comes_true(process.is_asleep, within=within)
