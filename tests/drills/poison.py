"""Records that no reader of ours can handle: what a careless, a broken or a hostile announcer may write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event
from shared.events.intake import HouseholdUpdated
from shared.events.programs import HouseholdEnrolled
from shared.events.verification import VisitRecorded
from shared.messaging.announcing import source_of
from tests.drills.foreign import LARGEST, Foreigner, Headers

TOO_LARGE = 256 * 1024 + 1


@dataclass(frozen=True)
class Place:
    """A partition of an announcer's topic, and the announcer's name."""

    topic: str
    partition: int
    service: str
    agency: str


Poison = Callable[[Foreigner, Place, UUID], Awaitable[None]]


_OF: dict[str, type[Event]] = {
    "intake": HouseholdUpdated, "verification": VisitRecorded, "programs": HouseholdEnrolled,
}  # fmt: skip
"""A fact about a household that a service announces."""


def headers_of(place: Place, household: UUID, event: type[Event] | None = None) -> Headers:
    """What a good record carries; without a number, as outsiders may leave it away."""
    event = event or _OF[place.service]
    return [
        ("ce_id", str(uuid4()).encode()),
        ("ce_source", source_of(place.service, place.agency).encode()),
        ("ce_type", event.full_type().encode()),
        ("ce_subject", f"household/{household}".encode()),
        ("ce_time", b"2022-12-19T02:00:00Z"),
    ]


def _with_value(value: bytes | None) -> Poison:
    async def say(foreign: Foreigner, place: Place, household: UUID) -> None:
        await foreign.say(place.topic, place.partition, _key(household), value, headers_of(place, household))

    return say


def _with_header(name: str, value: bytes | None) -> Poison:
    async def say(foreign: Foreigner, place: Place, household: UUID) -> None:
        headers = [each for each in headers_of(place, household) if each[0] != name]
        await foreign.say(place.topic, place.partition, _key(household), b"{}", [*headers, (name, value)])

    return say


async def _nameless_header(foreign: Foreigner, place: Place, household: UUID) -> None:
    headers = headers_of(place, household)
    await foreign.say_with_nameless_header(place.topic, place.partition, _key(household), b"{}", headers)


async def _no_headers(foreign: Foreigner, place: Place, household: UUID) -> None:
    await foreign.say(place.topic, place.partition, _key(household), b"{}", [])


async def _no_key(foreign: Foreigner, place: Place, household: UUID) -> None:
    await foreign.say(place.topic, place.partition, None, b"{}", headers_of(place, household))


async def _binary_key(foreign: Foreigner, place: Place, household: UUID) -> None:
    await foreign.say(place.topic, place.partition, b"\x00\xff" * 40, b"{}", headers_of(place, household))


async def _forged_type(foreign: Foreigner, place: Place, household: UUID) -> None:
    others = [each for each in CONTRACTS.values() if each.announcer != place.service and each.kind == "facts"]
    headers = headers_of(place, household, others[0])
    await foreign.say(place.topic, place.partition, _key(household), b"{}", headers)


POISONS: dict[str, Poison] = {
    "bad JSON": _with_value(b"{broken"),
    "binary value": _with_value(bytes(range(256))),
    "NUL in the value": _with_value(b'{"household_id": "\\u0000", "region": "\x00"}'),
    "wrong schema": _with_value(b'{"household_id": 7, "region": []}'),
    "no value": _with_value(None),
    "256 KiB": _with_value(b'"' + b"x" * TOO_LARGE + b'"'),
    "1 MB": _with_value(b'"' + b"x" * (LARGEST - 2) + b'"'),
    "unknown type": _with_header("ce_type", b"id.tuntas.comet.seen.v1"),
    "null header": _with_header("ce_id", None),
    "binary header": _with_header("ce_subject", bytes(range(256))),
    "NUL in a header": _with_header("note", b"a\x00b"),
    "number that is none": _with_header("ce_sequence", b"-1"),
    "forged source": _with_header("ce_source", b"/agencies/dinsos-elsewhere/intake"),
    "forged type": _forged_type,
    "header without a name in text": _nameless_header,
    "no headers": _no_headers,
    "no key": _no_key,
    "binary key": _binary_key,
}


def _key(household: UUID) -> bytes:
    return str(household).encode()
