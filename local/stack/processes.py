"""What every part of the stack needs of the operating system: ports, locks, and children that end when they must."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
# Below the range from which Linux and macOS take the ports of outgoing connections: between the moment a port is
# found free and the moment a JVM binds it, nobody is given it by chance.
_PORTS = range(20000, 32000)


class StackError(RuntimeError):
    """The stack cannot be started or used. The message is one or two sentences that a person can act on."""


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int, preferred: list[int] | None = None) -> list[int]:
    """`count` different free ports: those of `preferred` that are still free first, so that addresses seldom change."""
    found = [port for port in dict.fromkeys(preferred or []) if port_is_free(port)][:count]
    candidates = random.SystemRandom().sample(_PORTS, 500)
    while len(found) < count:
        if not candidates:
            raise StackError(f"No free port was found between {_PORTS.start} and {_PORTS.stop} on {LOOPBACK}.")
        port = candidates.pop()
        if port not in found and port_is_free(port):
            found.append(port)
    return found


def dies_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has Linux send the child `with_signal` when its parent dies; elsewhere there is none.

    It counts for the thread that starts the child: start it from one that lives as long as the child shall.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(with_signal))

    return ask


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for it. The kernel lifts it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def try_to_hold(path: Path) -> int | None:
    """Take an exclusive lock until the process ends; `None` when another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def end_survivors(is_ours: Callable[[psutil.Process], bool], patience_seconds: float = 5.0) -> int:
    """Kill what a crash has left behind and wait until it is gone; returns how many there were."""
    survivors = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and is_ours(process):
                survivors.append(process)
    for process in survivors:
        with contextlib.suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + patience_seconds
    while (
        alive := [process for process in survivors if process.is_running() and is_alive(process.pid)]
    ) and time.monotonic() < deadline:
        time.sleep(0.01)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise StackError(f"Processes of an earlier start do not end (pid {pids}); end them by hand and start again.")
    return len(survivors)


def is_alive(pid: int) -> bool:
    """Whether it can still hold a file or a port. What merely waits for its parent to notice cannot."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stop(process: subprocess.Popen[bytes], signals: list[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, giving the process its seconds after each; at last kill it. Returns when it is gone."""
    for number, patience_seconds in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    if process.poll() is None:
        process.kill()
        process.wait()


def wait_until(
    condition: Callable[[], bool], process: subprocess.Popen[bytes], within_seconds: float, what: str, log: Path
) -> None:
    """Poll until `condition` holds. A process that has ended, or the deadline, raises with the end of its log."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if process.poll() is not None:
            raise StackError(f"{what} ended with code {process.returncode} while starting; {log} ends:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready after {within_seconds:.0f} s; {log} ends:\n{tail(log)}")
        time.sleep(0.02)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for a message."""
    if not log.exists():
        return "(nothing)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
