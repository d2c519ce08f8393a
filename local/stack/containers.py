"""The same two servers from their published images, for `TUNTAS_STACK=containers`, by testcontainers."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker.errors
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from local.stack.addresses import KafkaAddress, PostgresAddress
from local.stack.kafka import ADMIN, BROKER, answers, client_listener, loopback_listener
from local.stack.postgres import FORGETFUL, SERVER
from local.stack.processes import StackError, free_ports

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
_LABEL = "tuntas.stack"
_CLIENT_PORT = 9092
_START_SECONDS = 120.0
_STOP_SECONDS = 10

# The keeper stops what it started, and `_remove_leftovers` what a killed keeper left: no third image is needed.
testcontainers_config.ryuk_disabled = True


class KafkaContainer(DockerContainer):
    """`apache/kafka` with a SASL listener for clients and the settings of our broker.

    The image cannot make a SCRAM user while it formats its storage, so that the administrator, and only the
    administrator, may also sign in by PLAIN: enough to give itself a SCRAM password.
    """

    def __init__(self, host_port: int, password: str, **options: Any) -> None:
        super().__init__(KAFKA_IMAGE, **options)
        self.with_bind_ports(_CLIENT_PORT, host_port)
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        settings = BROKER | {
            "listeners": f"CLIENT://0.0.0.0:{_CLIENT_PORT},CONTROLLER://127.0.0.1:9093,BROKER://127.0.0.1:9094",
            "advertised.listeners": f"CLIENT://127.0.0.1:{host_port},BROKER://127.0.0.1:9094",
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT,BROKER:SASL_PLAINTEXT",
            "controller.quorum.voters": "1@127.0.0.1:9093",
            # From inside, the address that clients use leads nowhere.
            "inter.broker.listener.name": "BROKER",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.broker.sasl.enabled.mechanisms": "PLAIN",
            "log.dirs": "/tmp/kraft-combined-logs",  # noqa: S108 - inside the container
            **client_listener(password, ["SCRAM-SHA-256", "PLAIN"]),
            "listener.name.client.plain.sasl.jaas.config": f'{plain} user_{ADMIN}="{password}";',
            **loopback_listener("controller", password),
            **loopback_listener("broker", password),
        }
        for name, value in settings.items():
            self.with_env(environment_name(name), value)
        self.with_env("CLUSTER_ID", "5L6g3nShT-eMCtK--X86sw")
        self.with_env("KAFKA_HEAP_OPTS", "-Xms192m -Xmx512m")


def environment_name(setting: str) -> str:
    """How the image's documentation spells a broker setting as an environment variable."""
    return "KAFKA_" + setting.replace("_", "__").replace("-", "___").replace(".", "_").upper()


class ContainerKafka:
    """The broker of a stack, in a container that holds all its state: stopping it forgets everything."""

    def __init__(self, state: Path) -> None:
        self._owner = owner_of(state, "kafka")
        self._password = secrets.token_urlsafe(24)
        self._container: KafkaContainer | None = None
        self._port = 0

    @property
    def address(self) -> KafkaAddress:
        return KafkaAddress(f"127.0.0.1:{self._port}", ADMIN, self._password, f"container {KAFKA_IMAGE}")

    @property
    def ports(self) -> list[int]:
        return []

    @property
    def has_ended(self) -> bool:
        return has_ended(self._container)

    def launch(self) -> None:
        (self._port,) = free_ports(1)
        self._container = started(
            self._owner, lambda labels: KafkaContainer(self._port, self._password, labels=labels).start()
        )

    def wait_ready(self) -> None:
        """Wait for the broker, give the administrator its SCRAM password, and wait until that is known."""
        deadline = time.monotonic() + _START_SECONDS
        while not answers(self.address, mechanism="PLAIN"):
            self._check(deadline)
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        change = UserScramCredentialUpsertion(ADMIN, scram, self._password.encode())
        client = AdminClient({**self.address.librdkafka(), "sasl.mechanism": "PLAIN"})
        for future in client.alter_user_scram_credentials([change]).values():
            future.result(timeout=30)
        while not answers(self.address):
            self._check(deadline)

    def _check(self, deadline: float) -> None:
        if self.has_ended or time.monotonic() > deadline:
            raise StackError(f"The container of {KAFKA_IMAGE} did not become ready:\n{last_words(self._container)}")
        time.sleep(0.05)

    def stop(self) -> None:
        remove(self._container)

    kill = stop

    def forget(self) -> None:
        """The container held everything."""


class ContainerPostgres:
    """The server of a stack, in a container that holds all its state: stopping it forgets everything."""

    def __init__(self, state: Path, *, forgetful: bool) -> None:
        self._owner = owner_of(state, "postgres")
        ours = {name: SERVER[name] for name in SERVER if name not in ("listen_addresses", "unix_socket_directories")}
        self._settings = ours | (FORGETFUL if forgetful else {})
        self._container: PostgresContainer | None = None

    @property
    def address(self) -> PostgresAddress:
        if self._container is None:
            raise StackError("PostgreSQL was not started.")
        return PostgresAddress(self._container.get_connection_url(), f"container {POSTGRES_IMAGE}")

    @property
    def ports(self) -> list[int]:
        return []

    @property
    def has_ended(self) -> bool:
        return has_ended(self._container)

    def launch(self) -> None:
        command = ["postgres", *(word for name, value in self._settings.items() for word in ("-c", f"{name}={value}"))]
        self._container = started(
            self._owner,
            lambda labels: (
                PostgresContainer(
                    POSTGRES_IMAGE,
                    username="postgres",
                    password=secrets.token_urlsafe(24),
                    dbname="postgres",
                    driver=None,
                    labels=labels,
                )
                .with_command(command)
                .start()
            ),
        )

    def wait_ready(self) -> None:
        """`PostgresContainer.start` returns when a query is answered."""

    def stop(self) -> None:
        remove(self._container)

    kill = stop

    def forget(self) -> None:
        """The container held everything."""


def owner_of(state: Path, part: str) -> str:
    """The label by which a later start knows the containers of this state."""
    return f"{hashlib.sha256(str(state).encode()).hexdigest()[:16]}.{part}"


def started(owner: str, start: Callable[[dict[str, str]], Any]) -> Any:
    """Start a container under the owner's label, after removing what a killed keeper left."""
    try:
        client = DockerClient().client
        for leftover in client.containers.list(all=True, filters={"label": f"{_LABEL}={owner}"}):
            with contextlib.suppress(docker.errors.NotFound):
                leftover.remove(force=True, v=True)
        return start({_LABEL: owner})
    except (docker.errors.DockerException, TimeoutError) as error:
        raise StackError(
            f"TUNTAS_STACK=containers needs a Docker engine that has or can pull {KAFKA_IMAGE} and {POSTGRES_IMAGE} "
            f"({error}); without TUNTAS_STACK the embedded stack needs none."
        ) from error


def has_ended(container: Any) -> bool:
    """Whether a started container runs no more. An engine that does not answer has ended everything."""
    if container is None:
        return False
    try:
        container.reload()
    except docker.errors.DockerException:
        return True
    return bool(container.status not in ("created", "running"))


def last_words(container: Any) -> str:
    """The end of a container's log, for a message."""
    if container is None:
        return "(it was never started)"
    try:
        return "\n".join(text.decode(errors="replace")[-2000:] for text in container.get_logs())
    except docker.errors.DockerException as error:
        return str(error)


def remove(container: Any) -> None:
    """Stop and remove; what is gone already is as good."""
    if container is not None:
        with contextlib.suppress(docker.errors.DockerException):
            container.stop(force=True, delete_volume=True)
