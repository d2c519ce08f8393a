"""Nothing on the bus, in logs or in figures tells who people are: a reader from outside looks for it everywhere."""

from __future__ import annotations

from pathlib import Path

import httpx2
import orjson
import pytest
from confluent_kafka import Producer

from local.stack import StackAddresses
from shared.events.envelope import Event
from shared.events.intake import HouseholdProfile, HouseholdRegistered
from shared.events.programs import HouseholdWaitlisted
from tests.connected.foreign_reader import Forbidden, identities_of, sweep, sweep_text
from tests.connected.small_city import Played
from tests.contracts.kinds import EVENTS
from tests.contracts.records import Record, record_of
from tests.fixtures import TopicFactory

AGENCY = "dinsos-samarinda"


class Bus:
    """Topics of a test, on which it puts what it likes."""

    def __init__(self, stack: StackAddresses, root: str) -> None:
        self.stack, self.root = stack, root
        self.producer = Producer({**stack.kafka.librdkafka(), "partitioner": "murmur2", "log_level": 0})

    def put(self, *records: Record) -> None:
        for each in records:
            topic = each.topic.replace("tuntas", self.root, 1)
            self.producer.produce(topic, key=each.key, value=each.value, headers=list(each.headers))
        assert self.producer.flush(20) == 0

    def findings(self, *forbidden: str) -> list[str]:
        """What the sweep says, without the place."""
        swept = sweep(self.stack.kafka_bootstrap, self.stack.kafka_admin, self.root, forbidden)
        return [finding.partition(": ")[2] for finding in swept.findings]


@pytest.fixture
async def bus(stack: StackAddresses, topics: TopicFactory, topic_root: str) -> Bus:
    services = {event.announcer for event in EVENTS}
    profiles = {event.announcer for event in EVENTS if event.kind == "profiles"}
    await topics(
        *(f"{topic_root}.{service}.{AGENCY}" for service in services),
        *(f"{topic_root}-profiles.{service}.{AGENCY}" for service in profiles),
    )
    return Bus(stack, topic_root)


def changed(event: type[Event], **fields: object) -> Record:
    """The record of an event's example with other data, which our own side would have refused to announce."""
    record = record_of(event.from_example())
    return Record(record.topic, record.key, orjson.dumps({**event.example, **fields}), record.headers)


async def test_every_example_passes_on_its_topic(bus: Bus) -> None:
    sequences: dict[tuple[str, bytes | None], int] = {}
    for event in EVENTS:
        example = event.from_example()
        place = (f"{event.announcer}.{event.kind}", str(example.subject_id).encode())
        sequences[place] = sequences.get(place, 0) + 1
        bus.put(record_of(example, sequences[place]))
    swept = sweep(bus.stack.kafka_bootstrap, bus.stack.kafka_admin, bus.root)
    assert swept.findings == []
    assert swept.unlisted == set()
    assert swept.records == len(EVENTS)
    assert set(swept.types) == {event.full_type() for event in EVENTS}


@pytest.mark.parametrize(
    ("record", "finding"),
    [
        pytest.param(changed(HouseholdRegistered, name="x"), "breaks its schema at the top", id="a-field-added"),
        pytest.param(changed(HouseholdRegistered, region="Samarinda"), "breaks its schema at region", id="free-text"),
        pytest.param(changed(HouseholdRegistered, birth_year=1984), "a fact says nothing of a person", id="attribute"),
        pytest.param(
            changed(HouseholdWaitlisted, ranked_by=["decile"]), "nothing of health or wealth", id="decile-as-code"
        ),
        pytest.param(changed(HouseholdRegistered, persons=6472010101840001), "sixteen digits", id="number-of-a-person"),
        pytest.param(
            changed(HouseholdProfile, housing={"tenure": "own", "floor": "6472010101840001"}), "sixteen digits",
            id="number-in-a-profile",
        ),
        pytest.param(changed(HouseholdRegistered, registers=["081234567890"]), "a telephone number", id="telephone"),
        pytest.param(changed(HouseholdRegistered, registers=["contoh-nama"]), "a word of the register", id="name"),
        pytest.param(
            Record(
                f"tuntas.programs.{AGENCY}", b"k", b"{}",
                (*record_of(HouseholdRegistered.from_example()).headers,),
            ),
            "its type belongs to another topic", id="another-topic",
        ),
    ],
)  # fmt: skip
async def test_what_must_not_travel_is_found(bus: Bus, record: Record, finding: str) -> None:
    bus.put(record)
    assert any(finding in said for said in bus.findings("Contoh-Nama"))


async def test_a_lost_fact_is_found(bus: Bus) -> None:
    example = HouseholdRegistered.from_example()
    bus.put(record_of(example, 1), record_of(example, 2), record_of(example, 2), record_of(example, 4))
    assert bus.findings() == ["number 4 follows 2"]


async def test_a_finding_never_repeats_what_it_found(bus: Bus) -> None:
    bus.put(changed(HouseholdRegistered, registers=["contoh-nama", "6472010101840001"]))
    said = bus.findings("Contoh-Nama")
    assert said
    assert not any("contoh" in each.casefold() or "6472010101840001" in each for each in said)


def test_words_of_a_register_are_found_in_logs_whatever_stands_around_them(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    register.write_text(
        "nik,nama,alamat,tanggal_lahir,no_hp\n"
        '6472010101840001,Contoh Nama,"Jl. Contoh No. 1",1984-01-01,0812-3456-7890\n'
        "-,Bu,-,2022-12-05,\n"
    )
    words = Forbidden(identities_of(register))
    lines = [
        '{"event":"household.registered","household_id":"0192f1d0-7c11-7a10-8a00-0000000000a1"}',
        '{"event":"oops","who":"CONTOH NAMA, ibu"}',
        "GET /households?nik=6472010101840001",
        "sent to +6281234567890",
        "lives at jl contoh no 1",
        "born 1984-01-01",
        '{"paid_on":"2022-12-05","by":"Bu"}',
    ]
    found = {finding.split(":")[1] for finding in sweep_text("log", lines, words)}
    assert found == {"2", "3", "4", "5", "6"}


async def test_nothing_that_tells_who_people_are_leaves_intake(played: Played) -> None:
    """The whole story of a small city: every topic, every log, every figure."""
    files = played.city.state.parent / "files"
    register_files = [path for path in files.glob("*.csv") if "nama" in path.open(encoding="utf-8-sig").readline()]
    identities = identities_of(*register_files)
    assert len(identities) > 1_000

    swept = sweep(played.stack.kafka_bootstrap, played.stack.kafka_admin, played.city.topic_root, identities)
    assert swept.records > 1_000
    assert swept.findings[:20] == []
    assert swept.unlisted == set()

    words, found = Forbidden(identities), []
    for name, deployed in played.city.deployed.items():
        found += sweep_text(f"log of {name}", deployed.log.read_text(encoding="utf-8").splitlines(), words)
        figures = (await httpx2.AsyncClient().get(f"{deployed.url}/metrics")).text
        assert "tuntas_heard_total" in figures
        found += sweep_text(f"figures of {name}", figures.splitlines(), words)
    assert found[:20] == []
