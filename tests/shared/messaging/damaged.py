"""Records that are sound, and the same with a place or two of them damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
from hypothesis import strategies as st

from shared.events.contracts import CONTRACTS
from shared.events.intake import HouseholdProfile, HouseholdRegistered
from tests.contracts.records import AGENCY, ROOT, Record, record_of, stranger

HOUSEHOLD = "0192f1d0-7c11-7a10-8a00-0000000000a1"


class OnlyIn:
    """An authority over one regency; it falls over where asked about a year it has never heard of."""

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:  # noqa: ARG002
        if on.year < 1970:
            raise RuntimeError("the directory has no such page")
        return region.startswith("64.72")


RECORDS = [
    record_of(HouseholdRegistered.from_example(), sequence=7),
    record_of(HouseholdProfile.from_example()),
    stranger(HouseholdRegistered, orjson.dumps(HouseholdRegistered.example)),
]
IDS = [
    HOUSEHOLD,
    HOUSEHOLD.upper(),
    HOUSEHOLD.replace("-", ""),
    f"urn:uuid:{HOUSEHOLD}",
    "{" + HOUSEHOLD + "}",
    "01-92f1d07c117a10-8a00-0000000000a-1",
    "0192f1d0-7c11-7a10-8a00-0000000000g1",
    "0192f1d0-7c11-7a10-8a00--000000000a1",
    "0192f1d0-7c11-7a10-8a00-0000000000a1\n",
]
TEXTS = [
    *IDS, *(f"household/{each}" for each in IDS), *CONTRACTS, "id.tuntas.household.registered.v2", "",
    "/agencies/dinsos-samarinda/intake", "/agencies/dinkes-samarinda/intake", "0", "1", "7", "-1", "007", "1_0",
    "9" * 19, "2022-12-05T02:00:00.000Z", "2022-12-05T02:00:00+08:00", "2022-12-05T02:00:00", "1900-01-01T00:00:00Z",
    "NaN",
]  # fmt: skip
NAMES = [*(name for name, _ in RECORDS[0].headers), "ce_causationid", "traceparent", "x-further", "ce_\udcff"]

VALUES: list[Any] = [
    *(text.encode() for text in TEXTS),
    *(None, b"\0", b"\xff", "\u00e9".encode(), b"a\0b", bytearray(b"1"), memoryview(b"1"), b"9" * 10_000),
]
TOPICS = [f"{root}.{service}.{AGENCY}" for root in (ROOT, f"{ROOT}-profiles", "other") for service in ("intake", "x")]
FIELDS = ["household_id", "region", "members", "revision", "of-a-later-version"]
WORDS: list[Any] = [*IDS, "64.72.01.1001", "31.71", [], [HOUSEHOLD], [None], None, 0, 1, 2**40, 1.5, {}]
BODIES = [None, b"", b"{", b"null", b"\xff"]

changed_headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=2)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Sound ones, and such as have been damaged in a place or two."""
    record = draw(st.sampled_from(RECORDS))
    headers: list[tuple[str, Any]] = list(record.headers)
    for name, value in draw(changed_headers):
        places = [place for place, (known, _) in enumerate(headers) if known == name]
        match draw(st.sampled_from(["replace", "add", "drop"])):
            case "add":
                headers.append((name, value))
            case "drop":
                headers = [each for each in headers if each[0] != name]
            case _ if places:
                headers[places[0]] = name, value
    if draw(st.booleans()):
        headers = draw(st.permutations(headers))
    changed: dict[str, Any] = {"headers": tuple(headers)}
    match draw(st.sampled_from(["sound", "sound", "body", "value", "key", "topic"])):
        case "body":
            assert record.value is not None
            changed["value"] = orjson.dumps(
                orjson.loads(record.value) | {draw(st.sampled_from(FIELDS)): draw(st.sampled_from(WORDS))}
            )
        case "value":
            changed["value"] = draw(st.sampled_from(BODIES))
        case "key":
            changed["key"] = draw(st.sampled_from(VALUES))
        case "topic":
            changed["topic"] = draw(st.sampled_from(TOPICS))
    return replace(record, **changed)


def damaged_once(record: Record) -> Iterator[Record]:
    """Every way of damaging one place of a record, by everything that is known here."""
    for place, (name, _) in enumerate(record.headers):
        before, after = record.headers[:place], record.headers[place + 1 :]
        yield replace(record, headers=before + after)
        for value in VALUES:
            yield replace(record, headers=(*before, (name, value), *after))
            yield replace(record, headers=(*record.headers, (name, value)))
    for name in NAMES:
        yield replace(record, headers=(*record.headers, (name, b"1")))
    yield from (replace(record, key=key) for key in VALUES)
    yield from (replace(record, topic=topic) for topic in TOPICS)
    assert record.value is not None
    body = orjson.loads(record.value)
    yield from (replace(record, value=orjson.dumps(body | {name: word})) for name in FIELDS for word in WORDS)
    yield from (replace(record, value=value) for value in (*BODIES, record.value + b" " * 300_000))
