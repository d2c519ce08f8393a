"""A reader that knows nothing of Tuntas but its committed schemas: confluent-kafka, jsonschema and plain JSON.

It reads every topic from the beginning and says what is wrong with each record: what its schema forbids, what is in no
code list, and every trace of a person. What it says names places, never values.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import stamina
import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from jsonschema import Draft202012Validator

_EVENTS = Path(__file__).resolve().parents[2] / "shared" / "events"
_REQUEST_SECONDS = 20.0
_PASSING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART)
_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z-])[0-9]{16}(?![0-9A-Za-z-])")
_PHONE = re.compile(r"(?<![0-9A-Za-z-])(?:\+?62|0)8[0-9]{7,11}(?![0-9A-Za-z-])")
_WORD = re.compile(r"[^\W_]+(?:['’./-][^\W_]+)*\.?", re.UNICODE)
_WORDS_MAX = 8
_ID_COLUMNS = ("nik", "nomor_kartu_keluarga", "no_hp")
_BIRTHS_BEFORE = "2015"
"""Later days of birth are also days on which visits and payments happened, so that they prove nothing."""

OF_A_PERSON = {
    "name", "nik", "kk", "national_id", "family_card_number", "address", "phone", "birth_date", "birth_year", "sex",
    "disability", "disabled", "pregnant", "illness", "decile", "income_per_person_rupiah", "account", "relation",
    "housing", "household_profile",
}  # fmt: skip
"""Names that no field of a fact has."""
_OF_HEALTH_AND_WEALTH = {"disability", "disabled", "pregnant", "illness", "ill", "sick", "decile", "desil"}


@dataclass
class Swept:
    """What was read, and what was found in it."""

    topics: dict[str, int] = field(default_factory=dict)
    """Records per topic."""
    types: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    """What may not be: each with topic, partition and offset."""
    unlisted: set[tuple[str, str]] = field(default_factory=set)
    """(list, code) of codes that stand in no list: no fault of a record, but of whoever wrote the list."""

    @property
    def records(self) -> int:
        return sum(self.topics.values())


class Forbidden:
    """Words that may stand nowhere: the identities of a register."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = {_folded(word) for word in words}
        self._longest = min(_WORDS_MAX, max((len(word.split()) for word in self._words), default=0))

    def stands_in(self, text: str) -> bool:
        """Whether any of the words stands in a text, alone or among others."""
        if not self._words:
            return False
        words = _folded(text).split()
        return any(
            " ".join(words[start : start + length]) in self._words
            for start in range(len(words))
            for length in range(1, min(self._longest, len(words) - start) + 1)
        )


def identities_of(*register_files: Path) -> set[str]:
    """Names, numbers, addresses, telephones and days of birth of everybody in files that intake imports."""
    found: set[str] = set()
    for path in register_files:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                found |= {row[name].strip() for name in _ID_COLUMNS if len(re.sub(r"\D", "", row.get(name) or "")) >= 9}
                name, address = (row.get("nama") or "").strip(), (row.get("alamat") or "").strip()
                found |= {name} if len(name) > 3 else set()
                found |= {address} if " " in address else set()
                born = (row.get("tanggal_lahir") or "").strip()
                found |= {born} if re.fullmatch(r"\d{4}-\d{2}-\d{2}", born) and born < _BIRTHS_BEFORE else set()
    return found


def sweep(bootstrap: str, credentials: tuple[str, str], topic_root: str, forbidden: Iterable[str] = ()) -> Swept:
    """Read all fact and profiles topics under a root, from their beginning to their present end."""
    swept, schemas, words = Swept(), _schemas(), Forbidden(forbidden)
    numbers: dict[tuple[str, bytes], int] = {}
    for record in _records(bootstrap, credentials, topic_root):
        topic = str(record.topic())
        swept.topics[topic] = swept.topics.get(topic, 0) + 1
        place = f"{topic}/{record.partition()}@{record.offset()}"
        for wrong in _wrong_with(record, topic_root, schemas, words, swept, numbers):
            swept.findings.append(f"{place}: {wrong}")
    return swept


def sweep_text(name: str, lines: Iterable[str], forbidden: Forbidden) -> list[str]:
    """What may not stand in a log, or in the text of /metrics: numbers and words of people."""
    return [
        f"{name}:{number}: {wrong}"
        for number, line in enumerate(lines, start=1)
        for wrong in _traces_of_people(line, forbidden)
    ]


def _wrong_with(
    record: Message,
    root: str,
    schemas: dict[str, tuple[dict[str, Any], Draft202012Validator]],
    forbidden: Forbidden,
    swept: Swept,
    numbers: dict[tuple[str, bytes], int],
) -> Iterator[str]:
    pairs = cast("list[tuple[str, bytes]]", record.headers() or [])
    headers = {name: value.decode() for name, value in pairs}
    key, topic = record.key() or b"", str(record.topic())
    yield from _traces_of_people(" ".join([key.decode(), *headers.values()]), forbidden)
    kind = headers.get("ce_type", "")
    if kind not in schemas:
        yield "its type has no committed schema"
        return
    schema, validator = schemas[kind]
    swept.types[kind] = swept.types.get(kind, 0) + 1
    agency = topic.rpartition(".")[2]
    if topic != schema["x-topic"].replace("tuntas", root, 1).replace("{agency}", agency):
        yield "its type belongs to another topic"
    if headers.get("ce_source") != f"/agencies/{agency}/{schema['x-announcer']}":
        yield "its source is not the owner of the topic"
    is_fact = not schema["x-topic"].startswith("tuntas-profiles.")
    if is_fact:
        yield from _wrong_number(headers.get("ce_sequence"), (topic, key), numbers)
    if record.value() is None:
        if is_fact:
            yield "a fact without data"
        return
    data = json.loads(record.value() or b"")
    yield from _wrong_data(data, validator, forbidden, is_fact=is_fact)
    swept.unlisted |= set(_unlisted(data, schema))


def _wrong_data(data: Any, validator: Draft202012Validator, forbidden: Forbidden, *, is_fact: bool) -> Iterator[str]:
    for error in validator.iter_errors(data):
        yield f"breaks its schema at {'.'.join(map(str, error.absolute_path)) or 'the top'} ({error.validator})"
    for name, value in _leaves(data):
        if isinstance(value, str):
            yield from (f"{name}: {wrong}" for wrong in _traces_of_people(value, forbidden))
        elif _ID_NUMBER.fullmatch(str(value)):
            yield f"{name}: sixteen digits"
        if is_fact and name.rpartition(".")[2] in OF_A_PERSON:
            yield f"{name}: a fact says nothing of a person"
        if is_fact and isinstance(value, str) and _OF_HEALTH_AND_WEALTH & set(re.split(r"[^a-z]+", value)):
            yield f"{name}: a fact says nothing of health or wealth"


def _wrong_number(sequence: str | None, of: tuple[str, bytes], numbers: dict[tuple[str, bytes], int]) -> Iterator[str]:
    """A repetition is legal, a gap is not. An announcer that does not number at all is judged by offset."""
    if sequence is None:
        return
    if not sequence.isdigit():
        yield "its number is none"
        return
    if int(sequence) > numbers.get(of, 0) + 1:
        yield f"number {sequence} follows {numbers.get(of, 0)}"
    numbers[of] = max(numbers.get(of, 0), int(sequence))


def _traces_of_people(text: str, forbidden: Forbidden) -> Iterator[str]:
    if _ID_NUMBER.search(text):
        yield "sixteen digits"
    if _PHONE.search(text):
        yield "a telephone number"
    if forbidden.stands_in(text):
        yield "a word of the register"


def _unlisted(data: Any, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, kind in schema["properties"].items():
        lists = kind.get("x-code-lists")
        if lists and data.get(name):
            codes = data[name] if isinstance(data[name], list) else [data[name]]
            known = {code for each in lists for code in _codes(each)}
            yield from ((lists[0], code) for code in codes if code not in known)


@cache
def _codes(name: str) -> set[str]:
    return set(yaml.safe_load((_EVENTS / "codes" / f"{name}.yaml").read_text(encoding="utf-8"))["codes"])


def _schemas() -> dict[str, tuple[dict[str, Any], Draft202012Validator]]:
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in (_EVENTS / "schemas").glob("*.json")]
    check = Draft202012Validator.FORMAT_CHECKER
    return {each["x-type"]: (each, Draft202012Validator(each, format_checker=check)) for each in loaded}


def _leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, name)
    else:
        yield name, node


def _folded(text: str) -> str:
    return " ".join(word.rstrip(".") for word in _WORD.findall(text.casefold()))


def _records(bootstrap: str, credentials: tuple[str, str], root: str) -> Iterator[Message]:
    username, password = credentials
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": username, "sasl.password": password, "group.id": f"{root}.foreign-reader",
            "enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0,
        }
    )  # fmt: skip
    try:
        wanted = _unread(consumer, root)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in wanted])
        while wanted:
            record = consumer.poll(_REQUEST_SECONDS)
            assert record is not None, f"nothing came of {sorted(wanted)} within {_REQUEST_SECONDS} s"
            assert record.error() is None, record.error()
            yield record
            place = (str(record.topic()), int(record.partition() or 0))
            if place in wanted and int(record.offset() or 0) >= wanted[place] - 1:
                del wanted[place]
    finally:
        consumer.close()


def _unread(consumer: Consumer, root: str) -> dict[tuple[str, int], int]:
    """The end of every partition that holds anything."""
    ends: dict[tuple[str, int], int] = {}
    for topic, about in consumer.list_topics(timeout=_REQUEST_SECONDS).topics.items():
        if not topic.startswith((f"{root}.", f"{root}-profiles.")):
            continue
        for partition in about.partitions:
            low, high = _watermarks(consumer, TopicPartition(topic, partition))
            if high > low:
                ends[topic, partition] = high
    return ends


def _passes_by(error: Exception) -> bool:
    """A leader that just changed: librdkafka asks for it anew, but gives this answer on."""
    return isinstance(error, KafkaException) and error.args[0].code() in _PASSING


@stamina.retry(on=_passes_by, attempts=10, timeout=_REQUEST_SECONDS)
def _watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(place, timeout=_REQUEST_SECONDS)
    return low, high
