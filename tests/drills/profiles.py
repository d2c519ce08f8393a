"""Families whose profile changes and is erased while a relay sleeps: nothing older may come after what was said last.

A profile has no number. What its compacted topic holds last of a household is all that whoever begins anew ever reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from aiokafka import AIOKafkaConsumer

from local.story.desk import Desk
from shared.events.topics import profiles_topic
from tests.drills.families import Families
from tests.drills.load import DINSOS

if TYPE_CHECKING:
    from tests.drills.scene import DrillCity

NOTHING = 0


@dataclass
class Changing:
    """A family that changes, as the one who changes it knows it."""

    city: DrillCity
    household_id: str
    revision: int
    is_withdrawn: bool = False

    @classmethod
    async def registered(cls, city: DrillCity, families: Families) -> Changing:
        answer = await _desk(city).post("/api/v1/households", families.next())
        return cls(city, answer["household_id"], 1)

    async def correct(self) -> None:
        """One revision more."""
        decile = self.revision % 10 + 1
        body = {"revision": self.revision, "reason": "data-corrected", "decile": decile}
        answer = await _desk(self.city).post(f"/api/v1/households/{self.household_id}/corrections", body)
        self.revision = answer["revision"]

    async def withdraw(self) -> None:
        """It leaves the register, and its profile is erased."""
        body = {"revision": self.revision, "reason": "moved-away"}
        answer = await _desk(self.city).post(f"/api/v1/households/{self.household_id}/withdrawal", body)
        self.revision, self.is_withdrawn = answer["revision"], True


async def last_said(city: DrillCity) -> dict[str, int | None]:
    """Of each household, the revision of what intake's profiles topic holds last; None for a tombstone."""
    topic, last = profiles_topic(city.topic_root, "intake", DINSOS), dict[str, int | None]()
    async with AIOKafkaConsumer(topic, **city.addresses.kafka.aiokafka(), auto_offset_reset="earliest") as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for each in records:
                    revision = None if each.value is None else int(orjson.loads(each.value)["revision"])
                    last[each.key.decode()] = revision
    return last


def stale(last: Mapping[str, int | None], families: Iterable[Changing]) -> Iterator[str]:
    """What a topic holds last otherwise than it was acknowledged last."""
    for each in families:
        wanted = None if each.is_withdrawn else each.revision
        found = last.get(each.household_id, NOTHING)
        if found != wanted:
            yield f"The profile of {each.household_id} ends with {_said(found)} and not with {_said(wanted)}."


def _said(revision: int | None) -> str:
    if revision is None:
        return "its tombstone"
    return "nothing" if revision == NOTHING else f"revision {revision}"


def _desk(city: DrillCity) -> Desk:
    return city.desk("intake", DINSOS, "petugas-register")
