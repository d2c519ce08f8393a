"""A crash of anything leaves no process behind and never trips the next start."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from local.stack import Stack, StackError, state_folder
from local.stack.jars import class_path
from local.stack.kafka import EmbeddedKafka, answers
from local.stack.postgres import EmbeddedPostgres
from local.stack.stack import jars_folder
from shared.provisioning.principals import ensure_principal, lock_principal
from tests.fixtures import eventually

SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512
_HOLDER = "import sys, threading; from pathlib import Path; from local.stack import Stack\n"
# Not signal.pause(): a signal that comes between the word and the pause would be slept over.
_HOLDER += "with Stack(Path(sys.argv[1])):\n print('ready', flush=True)\n while True: threading.Event().wait(0.1)"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of this test alone, where also PostgreSQL's own user may go, for an embedded stack."""
    for elsewhere in ("TUNTAS_STACK", "TUNTAS_KAFKA", "TUNTAS_DATABASE_ADMIN_DSN"):
        monkeypatch.delenv(elsewhere, raising=False)
    folder = state_folder() / f"crash-{secrets.token_hex(4)}"
    yield folder
    for process in (*holders_of(folder), *processes_of(folder)):
        process.kill()
    EmbeddedPostgres(folder / "postgres").forget()
    EmbeddedKafka(folder, "").forget()


@pytest.fixture
async def running(state: Path) -> AsyncIterator[Stack]:
    """A stack that holds a topic and a row."""
    async with Stack(state) as stack:
        admin = AdminClient(stack.addresses.kafka.librdkafka())
        for future in admin.create_topics([NewTopic("kept", 1, 1)]).values():
            await asyncio.to_thread(future.result, 20)
        connection = await asyncpg.connect(stack.postgres_admin_dsn)
        await connection.execute("create table kept as select 1 as row")
        await connection.close()
        yield stack


async def test_a_stop_leaves_no_process_and_the_next_start_finds_everything_at_the_same_place(
    state: Path, running: Stack
) -> None:
    place = running.kafka_bootstrap
    await asyncio.to_thread(running.stop)
    assert processes_of(state) == []
    assert await what_was_kept(state) == place


async def test_leftovers_and_taken_ports_do_not_trip_a_start(state: Path, running: Stack) -> None:
    place = running.kafka_bootstrap
    await asyncio.to_thread(running.stop)
    (state / "stack.json").write_text('{"port": 1, "token": "of a keeper long gone", "ports": {}}')
    (state / "kafka" / "cluster.part").mkdir()
    cluster = EmbeddedPostgres(state / "postgres").folder
    (cluster / "cluster.part" / "data").mkdir(parents=True)
    # The number of a process that lives, but is none of ours: what a restart of the machine makes of a stale file.
    (cluster / "cluster" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n")
    with socket.create_server(("127.0.0.1", int(place.rpartition(":")[2]))):
        assert await what_was_kept(state) != place


@pytest.mark.parametrize("victim", ["java", "postgres", "keeper"])
async def test_whatever_is_killed_the_rest_ends_and_the_next_start_finds_everything(
    state: Path, running: Stack, victim: str
) -> None:
    process_named(state, victim).kill()
    await eventually(lambda: processes_of(state) == [], what="the end of what was left")
    assert not running.is_alive
    await what_was_kept(state)


async def test_a_broker_that_was_killed_lets_in_whom_it_knew_also_after_others_were_locked(
    state: Path, running: Stack
) -> None:
    admin = AdminClient(running.addresses.kafka.librdkafka())
    password = secrets.token_urlsafe(24)
    ensure_principal(admin, "kept", password, renew=True)
    # So many, because Kafka meets users in the order of their hashes, and one that goes had to come first to do harm.
    for number in range(20):
        ensure_principal(admin, f"gone-{number}", password, renew=True)
        if number == 0:
            # As an operator resets a password by Kafka's own tool.
            for mechanism in (SHA_256, SHA_512):
                info = ScramCredentialInfo(mechanism, 4096)
                change = UserScramCredentialUpsertion("gone-0", info, password.encode())
                admin.alter_user_scram_credentials([change])["gone-0"].result(20)
        assert lock_principal(admin, f"gone-{number}") == [f"principal gone-{number} locked"]
    process_named(state, "java").kill()
    await eventually(lambda: processes_of(state) == [], what="the end of what was left")

    async with Stack(state) as stack:
        assert answers(replace(stack.addresses.kafka, username="kept", password=password))
        assert not answers(replace(stack.addresses.kafka, username="gone-0", password=password))
    await what_was_kept(state)


async def test_the_stack_ends_with_a_killed_holder(state: Path) -> None:
    holder = await held_by_another_process(state)
    holder.kill()
    holder.wait()
    await eventually(lambda: processes_of(state) == [], what="the end of what it held")


async def test_control_c_ends_everything(state: Path) -> None:
    holder = await held_by_another_process(state)
    holder.send_signal(signal.SIGINT)
    await asyncio.to_thread(holder.wait, 30)
    assert processes_of(state) == []


async def test_the_stack_stays_until_its_last_holder_leaves(state: Path) -> None:
    first, second = await asyncio.gather(held_by_another_process(state), held_by_another_process(state))
    assert len([process for process in processes_of(state) if process.name() == "java"]) == 1
    assert len([process for process in processes_of(state) if "local.stack.keeper" in process.cmdline()]) == 1
    with pytest.raises(StackError, match="in use by another process"):
        await asyncio.to_thread(Stack(state, alone=True).start)
    # Waited for: one that is not quite dead yet is a holder still, and then the third is not the last to leave.
    first.kill()
    await asyncio.to_thread(first.wait, 30)
    async with Stack(state) as third:
        second.kill()
        await asyncio.to_thread(second.wait, 30)
        assert third.is_alive
    assert processes_of(state) == []


async def test_a_cluster_that_was_never_finished_is_made_again(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "ports.json").write_text("{half a fi")
    for part in ("kafka", "postgres"):
        (state / part / "cluster.part").mkdir(parents=True)
        (state / part / "cluster.part" / "data").write_text("half")
    async with Stack(state) as stack:
        assert stack.is_alive


async def test_ports_that_are_taken_between_the_look_and_the_start_are_replaced(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        taken = thief.getsockname()[1]
        for part in (
            EmbeddedKafka(state / "kafka", class_path(jars_folder()), [taken]),
            EmbeddedPostgres(state / "postgres", [taken]),
        ):
            with monkeypatch.context() as patched:
                patched.setattr("local.stack.processes.port_is_free", lambda _: True)
                part.launch()
            assert taken in part.ports
            await asyncio.to_thread(part.wait_ready)
            assert taken not in part.ports
            part.kill()


async def test_a_forgetful_stack_leaves_no_data(state: Path) -> None:
    async with Stack(state, forgetful=True) as stack:
        assert stack.is_alive
    assert [path.name for path in state.iterdir() if path.is_dir()] == []


async def what_was_kept(state: Path) -> str:
    """Start once more, find the topic and the row, and say where Kafka is."""
    async with Stack(state) as stack:
        topics = await asyncio.to_thread(AdminClient(stack.addresses.kafka.librdkafka()).list_topics, timeout=20)
        assert "kept" in topics.topics
        connection = await asyncpg.connect(stack.postgres_admin_dsn)
        assert await connection.fetchval("select row from kept") == 1
        await connection.close()
        return stack.kafka_bootstrap


async def held_by_another_process(state: Path) -> subprocess.Popen[bytes]:
    """A process that holds the stack until a signal ends it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(state)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert holder.stdout is not None
    assert await asyncio.to_thread(holder.stdout.readline) == b"ready\n"
    return holder


def processes_of(state: Path) -> list[psutil.Process]:
    """What runs for this state: its keeper, its JVM, its server with all backends."""
    own, found = Path(EmbeddedPostgres(state / "postgres").folder), []
    for process in psutil.process_iter():
        try:
            line, folder = " ".join(process.cmdline()), Path(process.cwd())
            ours = f"{state}/" in line or f"keeper {state}" in line or folder.is_relative_to(own)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # It ended while it was looked at.
            continue
    return found


def holders_of(state: Path) -> list[psutil.Process]:
    """Who holds the stack in a process of its own still: after a test that failed, say."""
    living = [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in living if str(state) in each.cmdline()]


def process_named(state: Path, name: str) -> psutil.Process:
    """The JVM, the postmaster, or the keeper."""
    for process in processes_of(state):
        words = process.cmdline()
        if name in Path(words[0]).name and "-D" in words + ["-D"] * (name != "postgres"):
            return process
        if name == "keeper" and "local.stack.keeper" in words:
            return process
    raise AssertionError(f"{name} does not run")
