"""Records that no reader of ours can handle: what a careless, a broken or a hostile announcer may write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from shared.events.contracts import CONTRACTS
from shared.events.envelope import Event
from shared.events.intake import HouseholdUpdated
from shared.events.programs import HouseholdWaitlisted
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


@dataclass(frozen=True)
class Kind:
    """A way of being poison, and what every reader must say of it; None where nothing is wrong with the record."""

    say: Callable[[Foreigner, Place, UUID], Awaitable[int]]
    """Says one about a household, and returns its offset."""
    reason: str | None


@dataclass(frozen=True)
class Said:
    """A record that was said, and its place."""

    kind: str
    topic: str
    partition: int
    offset: int


_OF: dict[str, type[Event]] = {
    "intake": HouseholdUpdated, "verification": VisitRecorded, "programs": HouseholdWaitlisted,
}  # fmt: skip
"""A fact about a household that a service announces, and that changes no figure where nobody knows the household."""
_OF_ANOTHER: dict[str, type[Event]] = {
    "intake": VisitRecorded, "verification": HouseholdUpdated, "programs": HouseholdUpdated,
}  # fmt: skip
NO_KEY = "no key"
BINARY_KEY = "binary key"
UNKNOWN = "unknown type"


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


def said_by_outsiders(service: str) -> str:
    """The type of the fact that an outsider says well."""
    return _OF[service].full_type()


@contextmanager
def unknown_types_known() -> Iterator[None]:
    """This process is of a release that knows the types which were unknown."""
    known = {_comet(service): _comet_event(service) for service in _OF}
    CONTRACTS.update(known)
    try:
        yield
    finally:
        for each in known:
            del CONTRACTS[each]


def _body(place: Place, household: UUID, event: type[Event] | None = None, **other: Any) -> bytes:
    """What a good record says."""
    event = event or _OF[place.service]
    return event.from_example().model_copy(update={"household_id": household, **other}).model_dump_json().encode()


def _with_value(value: bytes | None, reason: str) -> Kind:
    async def say(foreign: Foreigner, place: Place, household: UUID) -> int:
        return await foreign.say(place.topic, place.partition, _key(household), value, headers_of(place, household))

    return Kind(say, reason)


def _with_other(reason: str | None, **other: Any) -> Kind:
    """All is well but one thing in the body."""

    async def say(foreign: Foreigner, place: Place, household: UUID) -> int:
        body = _body(place, household, **other)
        return await foreign.say(place.topic, place.partition, _key(household), body, headers_of(place, household))

    return Kind(say, reason)


def _with_header(name: str, value: bytes | None, reason: str) -> Kind:
    """All is well but one header."""

    async def say(foreign: Foreigner, place: Place, household: UUID) -> int:
        headers = [each for each in headers_of(place, household) if each[0] != name]
        body = _body(place, household)
        return await foreign.say(place.topic, place.partition, _key(household), body, [*headers, (name, value)])

    return Kind(say, reason)


def _without_header(name: str) -> Kind:
    async def say(foreign: Foreigner, place: Place, household: UUID) -> int:
        headers = [each for each in headers_of(place, household) if each[0] != name]
        return await foreign.say(place.topic, place.partition, _key(household), _body(place, household), headers)

    return Kind(say, "header-missing")


async def _nameless_header(foreign: Foreigner, place: Place, household: UUID) -> int:
    headers, body = headers_of(place, household), _body(place, household)
    return await foreign.say_with_nameless_header(place.topic, place.partition, _key(household), body, headers)


async def _no_headers(foreign: Foreigner, place: Place, household: UUID) -> int:
    return await foreign.say(place.topic, place.partition, _key(household), _body(place, household), [])


async def _no_key(foreign: Foreigner, place: Place, household: UUID) -> int:
    headers = headers_of(place, household)
    return await foreign.say(place.topic, place.partition, None, _body(place, household), headers)


async def _binary_key(foreign: Foreigner, place: Place, household: UUID) -> int:
    headers, key = headers_of(place, household), b"\x00\xff" * 40 + household.bytes
    return await foreign.say(place.topic, place.partition, key, _body(place, household), headers)


async def _forged_type(foreign: Foreigner, place: Place, household: UUID) -> int:
    event = _OF_ANOTHER[place.service]
    headers, body = headers_of(place, household, event), _body(place, household, event)
    return await foreign.say(place.topic, place.partition, _key(household), body, headers)


async def _unknown_type(foreign: Foreigner, place: Place, household: UUID) -> int:
    headers = [each for each in headers_of(place, household) if each[0] != "ce_type"]
    headers.append(("ce_type", _comet(place.service).encode()))
    return await foreign.say(place.topic, place.partition, _key(household), _body(place, household), headers)


POISONS: dict[str, Kind] = {
    "bad JSON": _with_value(b"{broken", "value-not-json"),
    "binary value": _with_value(bytes(range(256)), "value-not-json"),
    "NUL in the value": _with_value(b'{"household_id": "\x00", "region": "\x00"}', "value-not-json"),
    "escaped NUL in the value": _with_other("value-misshapen", region="\x00"),
    "wrong schema": _with_value(b'{"household_id": 7, "region": []}', "value-misshapen"),
    "no value": _with_value(None, "value-missing"),
    "256 KiB": _with_value(b'"' + b"x" * TOO_LARGE + b'"', "too-large"),
    "1 MB": _with_value(b'"' + b"x" * (LARGEST - 2) + b'"', "too-large"),
    "another household": _with_other("subject-disagrees", household_id=UUID(int=7)),
    "a place of others": _with_other("unauthorised", region="31.71.01.1001"),
    UNKNOWN: Kind(_unknown_type, "type-unknown"),
    "forged type": Kind(_forged_type, "type-forged"),
    "forged source": _with_header("ce_source", b"/agencies/dinsos-elsewhere/intake", "source-forged"),
    "null header": _with_header("ce_id", None, "header-not-text"),
    "binary header": _with_header("ce_subject", bytes(range(256)), "header-not-text"),
    "NUL in a header": _with_header("note", b"a\x00b", "header-not-text"),
    "header without a name in text": Kind(_nameless_header, "header-not-text"),
    "number that is none": _with_header("ce_sequence", b"-1", "header-wrong"),
    "no time": _without_header("ce_time"),
    "no headers": Kind(_no_headers, "header-missing"),
    NO_KEY: Kind(_no_key, "key-missing"),
    BINARY_KEY: Kind(_binary_key, "key-wrong"),
}
"""Those whose value is not what is wrong have a good one, so that nothing else can be why they are parked."""
WELL = "nothing wrong"
KINDS: dict[str, Kind] = POISONS | {WELL: _with_other(None)}


def _comet(service: str) -> str:
    return f"id.tuntas.{service}-comet.seen.v1"


def _comet_event(service: str) -> type[Event]:
    class Comet(Event):
        """What nobody had heard of."""

        announcer, type = service, f"{service}-comet.seen.v1"  # type: ignore[assignment]
        household_id: UUID

    return Comet


def _key(household: UUID) -> bytes:
    return str(household).encode()
