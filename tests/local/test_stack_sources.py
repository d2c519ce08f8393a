"""Where a stack comes from, and what is said when it cannot come."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.stack import Stack, StackAddresses, StackError
from local.stack.addresses import kafka_of_environment, postgres_of_environment
from local.stack.jars import LOCK, Jar, class_path, locked_jars
from local.stack.processes import free_ports

JAR = b"what a jar holds"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock that names one small jar."""
    lock = tmp_path / "jars.lock"
    lock.write_text(f"# one jar\n{hashlib.sha256(JAR).hexdigest()}  org.example:small:1.0\n")
    return lock


@pytest.fixture
def repository(tmp_path: Path, lock: Path) -> Iterator[str]:
    """A Maven repository that has it."""
    (jar,) = locked_jars(lock)
    place = jar.path(tmp_path / "served")
    place.parent.mkdir(parents=True)
    place.write_bytes(JAR)
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_jar_of_kafka_is_named_with_its_checksum() -> None:
    jars = locked_jars(LOCK)
    assert len(jars) > 40
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert ("org.apache.kafka", "kafka_2.13", "4.3.1") in {jar[:3] for jar in jars}


def test_jars_are_fetched_once_and_need_no_network_afterwards(tmp_path: Path, lock: Path, repository: str) -> None:
    first = class_path(tmp_path / "jars", repository, lock=lock)
    assert Path(first).read_bytes() == JAR
    assert class_path(tmp_path / "jars", nowhere(), lock=lock) == first


def test_half_a_download_is_fetched_again(tmp_path: Path, lock: Path, repository: str) -> None:
    half = Jar("org.example", "small", "1.0", "").path(tmp_path / "jars")
    half.parent.mkdir(parents=True)
    half.write_bytes(JAR[:5])
    assert Path(class_path(tmp_path / "jars", repository, lock=lock)).read_bytes() == JAR


def test_a_jar_with_another_content_is_refused(tmp_path: Path, lock: Path, repository: str) -> None:
    lock.write_text(f"{'0' * 64}  org.example:small:1.0\n")
    with pytest.raises(StackError, match=r"small-1\.0\.jar from .* is not the file that jars\.lock names"):
        class_path(tmp_path / "jars", repository, lock=lock)


def test_without_maven_central_the_other_ways_are_named_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNTAS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TUNTAS_MAVEN", nowhere())
    for ours in ("TUNTAS_STACK", "TUNTAS_KAFKA", "TUNTAS_DATABASE_ADMIN_DSN"):
        monkeypatch.delenv(ours, raising=False)
    with pytest.raises(StackError) as refusal:
        Stack(tmp_path / "state" / "stack").start()
    said = str(refusal.value)
    assert "TUNTAS_KAFKA" in said
    assert "docker compose" in said
    assert said.count(". ") == 0
    assert "\n" not in said


def test_a_stack_of_the_environment_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNTAS_KAFKA", "kafka.example:9092")
    monkeypatch.setenv("TUNTAS_KAFKA_ADMIN", "admin:se:cret")
    monkeypatch.setenv("TUNTAS_DATABASE_ADMIN_DSN", "postgresql://postgres:s%40fe@db.example:5432/postgres")
    with Stack(tmp_path / "unused") as stack:
        assert stack.kafka_admin == ("admin", "se:cret")
        assert stack.addresses.postgres.dsn_of("intake", "role", "p@ss") == (
            "postgresql://role:p%40ss@db.example:5432/intake"
        )
        assert "se:cret" not in stack.addresses.summary()
        assert "s%40fe" not in stack.addresses.summary()
        assert StackAddresses.from_json(stack.addresses.to_json()) == stack.addresses
    assert not (tmp_path / "unused").exists()


def test_half_a_stack_of_the_environment_says_what_is_missing() -> None:
    with pytest.raises(StackError, match="TUNTAS_KAFKA_ADMIN"):
        kafka_of_environment({"TUNTAS_KAFKA": "kafka.example:9092"})
    with pytest.raises(StackError, match="TUNTAS_DATABASE_ADMIN_DSN"):
        postgres_of_environment({"TUNTAS_DATABASE_ADMIN_DSN": "mysql://db.example/postgres"})


def nowhere() -> str:
    """A repository that cannot be reached."""
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}/maven2"
