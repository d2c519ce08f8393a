"""Where Kafka and PostgreSQL are and how their administrator signs in, wherever they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from local.stack.processes import StackError


@dataclass(frozen=True)
class KafkaAddress:
    """A broker with a SCRAM listener, and its super user. Without a user name the listener asks for none."""

    bootstrap: str
    username: str
    password: str = field(repr=False)
    origin: str

    @property
    def security_protocol(self) -> str:
        return "SASL_PLAINTEXT" if self.username else "PLAINTEXT"

    def librdkafka(self) -> dict[str, str | int | float | bool]:
        """Connection settings for confluent-kafka, as the administrator."""
        settings: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
        }
        if self.username:
            settings |= {
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        return settings

    def aiokafka(self) -> dict[str, str]:
        """Connection settings for aiokafka, as the administrator."""
        settings = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security_protocol}
        if self.username:
            settings |= {
                "sasl_mechanism": "SCRAM-SHA-256",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return settings


@dataclass(frozen=True)
class PostgresAddress:
    """A PostgreSQL server as its super user sees it."""

    dsn: str = field(repr=False)
    origin: str

    def dsn_of(self, database: str, username: str | None = None, password: str | None = None) -> str:
        """The same server with another database, and another role where one is named."""
        parts = urlsplit(self.dsn)
        place = parts.netloc
        if username is not None:
            secret = "" if password is None else f":{quote(password, safe='')}"
            place = f"{quote(username, safe='')}{secret}@{place.rpartition('@')[2]}"
        return urlunsplit((parts.scheme, place, f"/{database}", parts.query, ""))

    @property
    def place(self) -> str:
        """Host and port, without who signs in: fit for a log."""
        return urlsplit(self.dsn).netloc.rpartition("@")[2]


@dataclass(frozen=True)
class StackAddresses:
    """What everything else needs to know of the stack. Treat as a secret: it holds the administrators' passwords."""

    kafka: KafkaAddress
    postgres: PostgresAddress

    @property
    def kafka_bootstrap(self) -> str:
        return self.kafka.bootstrap

    @property
    def kafka_admin(self) -> tuple[str, str]:
        return self.kafka.username, self.kafka.password

    @property
    def postgres_admin_dsn(self) -> str:
        return self.postgres.dsn

    def summary(self) -> str:
        """One line that says which stack is in use, without secrets."""
        return (
            f"Kafka {self.kafka.origin} at {self.kafka.bootstrap}, "
            f"PostgreSQL {self.postgres.origin} at {self.postgres.place}"
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> StackAddresses:
        parts: dict[str, Any] = json.loads(text)
        return StackAddresses(KafkaAddress(**parts["kafka"]), PostgresAddress(**parts["postgres"]))


def kafka_of_environment(environ: Mapping[str, str] = os.environ) -> KafkaAddress | None:
    """The broker named by `TUNTAS_KAFKA` (host:port) and `TUNTAS_KAFKA_ADMIN` (user:password), if one is."""
    bootstrap = environ.get("TUNTAS_KAFKA", "")
    if not bootstrap:
        return None
    username, separator, password = environ.get("TUNTAS_KAFKA_ADMIN", "").partition(":")
    if not separator:
        raise StackError(
            "TUNTAS_KAFKA names a broker, so TUNTAS_KAFKA_ADMIN must say who may create principals, topics and ACLs "
            "there, as user:password (SASL, SCRAM-SHA-256)."
        )
    return KafkaAddress(bootstrap, username, password, "of the environment (TUNTAS_KAFKA)")


def postgres_of_environment(environ: Mapping[str, str] = os.environ) -> PostgresAddress | None:
    """The server named by `TUNTAS_DATABASE_ADMIN_DSN` (postgresql://user:password@host:port/postgres), if one is."""
    dsn = environ.get("TUNTAS_DATABASE_ADMIN_DSN", "")
    if not dsn:
        return None
    if urlsplit(dsn).scheme != "postgresql":
        raise StackError("TUNTAS_DATABASE_ADMIN_DSN must look like postgresql://user:password@host:port/postgres.")
    return PostgresAddress(dsn, "of the environment (TUNTAS_DATABASE_ADMIN_DSN)")
