"""Where Kafka and PostgreSQL are for whoever administers them, and how an admin request is waited for."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

# An admin request that a healthy cluster answers in milliseconds; a busy laptop may need longer.
REQUEST_SECONDS_MAX = 30.0
_LOOK_AGAIN_SECONDS = 0.02

Answer = TypeVar("Answer")


class ProvisioningError(Exception):
    """A step cannot be done; the message says what stands in the way. What was done before it stays done."""


class Addresses(Protocol):
    """What a step must know of the cluster; the laptop stack has it, and so has ClusterAddresses."""

    @property
    def kafka_bootstrap(self) -> str: ...

    @property
    def kafka_admin(self) -> tuple[str, str]:
        """User name and password of Kafka's super user."""

    @property
    def postgres_admin_dsn(self) -> str: ...


@dataclass(frozen=True)
class ClusterAddresses:
    """Addresses said in so many words. Treat as a secret: it holds the administrators' passwords."""

    kafka_bootstrap: str
    kafka_admin: tuple[str, str]
    postgres_admin_dsn: str


def kafka_admin(addresses: Addresses, ca_file: Path | None = None) -> AdminClient:
    """An administrator's client; with a CA it speaks TLS, without only a laptop's loopback should be meant."""
    username, password = addresses.kafka_admin
    settings: dict[str, Any] = {
        "bootstrap.servers": addresses.kafka_bootstrap,
        "security.protocol": "SASL_PLAINTEXT" if ca_file is None else "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": username,
        "sasl.password": password,
    }
    if ca_file is not None:
        settings["ssl.ca.location"] = str(ca_file)
    return AdminClient(settings)


def answer_of(request: "Future[Answer]") -> Answer:
    """The answer to an admin request. Raises ProvisioningError with Kafka's own sentence."""
    try:
        return request.result(REQUEST_SECONDS_MAX)
    except KafkaException as error:
        raise ProvisioningError(f"Kafka refused: {error.args[0].str()}") from error


def answers_of(requests: Mapping[Any, "Future[Answer]"]) -> list[Answer]:
    """The answers to several requests that were made at once, all waited for."""
    return [answer_of(request) for request in requests.values()]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Returns when a broker shows what the controller has accepted, which it does a moment later.

    Raises ProvisioningError where it does not show within a request's time.
    """
    deadline = time.monotonic() + REQUEST_SECONDS_MAX
    while not holds():
        if time.monotonic() > deadline:
            raise ProvisioningError(f"Kafka accepted {what}, and does not show it")
        time.sleep(_LOOK_AGAIN_SECONDS)


def is_refusal(error: KafkaException, code: int) -> bool:
    refusal: KafkaError = error.args[0]
    return bool(refusal.code() == code)


def dsn_of(admin_dsn: str, database: str, role: str | None = None, password: str = "") -> str:
    """The administrator's server with another database, and another role where one is named."""
    parts = urlsplit(admin_dsn)
    place = parts.netloc
    if role is not None:
        place = f"{quote(role, safe='')}:{quote(password, safe='')}@{place.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, place, f"/{database}", parts.query, ""))
