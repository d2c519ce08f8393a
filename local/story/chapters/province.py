"""Chapter 7: the province announces, with a Kafka client of its own, what it gives to a household of the city."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import orjson
from confluent_kafka import KafkaError, Message, Producer

from local.story.cast import DINSOS, HEARD_WITHIN_S, Cast
from local.story.desk import Desk, Json
from local.story.patience import until
from shared.provisioning.secrets_file import read_variables

AGENCY: Final = "dinsos-kaltim"
PROGRAMME: Final = "KUBE-KALTIM-2023"
PROGRAMME_ID: Final = uuid5(NAMESPACE_URL, "https://dinsos-kaltim.example/programmes/KUBE-KALTIM-2023")
SENT_WITHIN_S: Final = 30.0


async def play(cast: Cast) -> None:
    async with cast.chapter("province", "The province announces what it gives to a family of the city."):
        moment = cast.move_to("2023-04-03")
        household = await _resolve(cast)
        enrolment = str(uuid4())
        client = Outside(read_variables(cast.city.state / "clients" / f"programs.{AGENCY}.env"))
        await asyncio.to_thread(
            client.send, "household.enrolled.v1", household, _enrolment(household, enrolment, cast), moment
        )
        await _see_it(cast, household, enrolment)


async def _resolve(cast: Cast) -> UUID:
    """The province knows a person number, the city answers with the household's id and nothing else."""
    family = next(each for each in cast.truth.verified if not (each.answers or {}).get("has_business"))
    row = next(member.register_row for member in family.members if member.outcome == "confirmed")
    system = cast.desk_of("intake", DINSOS, f"{AGENCY}.sistem-provinsi")
    body = {"nik": _nik_of(cast, row), "purpose": "enrolment"}
    return UUID((await system.post("/api/v1/identity/resolve", body))["household_id"])


def _nik_of(cast: Cast, wanted: int) -> str:
    with (cast.files / "register.csv").open(encoding="utf-8", newline="") as file:
        return next(row["nik"] for row in csv.DictReader(file) if int(row["no_urut"]) == wanted)


def _enrolment(household: UUID, enrolment: str, cast: Cast) -> Json:
    known = cast.households[household]
    member = next(iter(known.member_rows))
    return {
        "programme_id": str(PROGRAMME_ID),
        "programme": PROGRAMME,
        "household_id": str(household),
        "region": known.family.region,
        "enrolment_id": enrolment,
        "programme_version": 1,
        "unit": "family",
        "members": [str(member)],
        "persons": 1,
        "started_on": "2023-04-03",
    }


async def _see_it(cast: Cast, household: UUID, enrolment: str) -> None:
    """An officer of each agency and the coordinator see it on the household."""
    for agency in cast.programs_agencies():
        desk = cast.desk("programs", agency, "petugas-program")
        await _until_shown(desk, f"/api/v1/households/{household}/benefits", enrolment)
    coordinator = cast.desk("notifications", DINSOS, "koordinator-tkpk")
    await _until_shown(coordinator, f"/api/v1/households/{household}", enrolment)
    cast.tell(f"{PROGRAMME} of {AGENCY} stands on household {household} at every agency and on the board")


async def _until_shown(desk: Desk, path: str, enrolment: str) -> None:
    async def look() -> Json:
        return await desk.get(path)

    def holds(shown: Json) -> bool:
        return any(each["enrolment_id"] == enrolment and each["agency"] == AGENCY for each in shown["enrolments"])

    await until(look, holds, f"the province's enrolment at {desk.base_url}", within_s=HEARD_WITHIN_S)


class Outside:
    """A system that is not ours: plain JSON, a Kafka client, and the credentials that its agency was given."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._topic = f"{given['TUNTAS_TOPIC_ROOT']}.programs.{given['TUNTAS_AGENCY']}"
        self._source = f"/agencies/{given['TUNTAS_AGENCY']}/programs"
        self._producer = Producer(
            {
                "bootstrap.servers": given["TUNTAS_KAFKA_BOOTSTRAP"],
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": given["TUNTAS_KAFKA_USERNAME"],
                "sasl.password": given["TUNTAS_KAFKA_PASSWORD"],
                "enable.idempotence": True,
                # One household's facts stay in one partition with those of everybody else.
                "partitioner": "murmur2_random",
            }
        )
        self._failure: KafkaError | None = None

    def send(self, kind: str, household: UUID, data: Json, moment: datetime) -> None:
        """Announce one fact about a household. Raises RuntimeError where the cluster does not take it."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid4()),
            "ce_source": self._source,
            "ce_type": f"id.tuntas.{kind}",
            "ce_subject": f"household/{household}",
            "ce_time": moment.isoformat(),
            "ce_correlationid": str(uuid4()),
            "content-type": "application/json",
        }
        self._producer.produce(
            self._topic,
            key=str(household),
            value=orjson.dumps(data),
            headers=[(name, value.encode()) for name, value in headers.items()],
            on_delivery=self._delivered,
        )
        if self._producer.flush(SENT_WITHIN_S) or self._failure is not None:
            raise RuntimeError(f"{self._topic} did not take the fact: {self._failure}")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._failure = error
