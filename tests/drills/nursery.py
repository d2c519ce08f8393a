"""A process that has imported the code and forks a child for every start, so that a restart costs 0.3 s, not 3.

It reads one JSON request per line from its input and answers with the child's id. A child calls the same ``serve`` as
the command; before that it takes its environment, and a fault where one was asked for: a point at which it dies, or a
function of ``faults.py`` that changes this process only.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local.stack.processes import dies_with_parent
from shared.messaging import points
from shared.serve import find_service, read_settings, serve

SERVICES = ("intake", "verification", "programs", "notifications")
# What `serve` would import only when it runs.
_ALSO = (
    "asyncpg",
    "shared.cli",
    "httptools",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


@dataclass(frozen=True)
class Birth:
    """What a child is to be."""

    service: str
    role: str
    env: dict[str, str]
    env_file: str
    log: str
    dies_at: tuple[str, int] | None = None
    """A point of ``shared/messaging/points.py``, and at which of its times the process kills itself there."""
    fault: list[str] = field(default_factory=list)
    """A function of ``faults.py`` and the words it is called with."""
    everywhere: list[str] = field(default_factory=list)
    """Another one, which all processes of its city have."""
    always: list[str] = field(default_factory=list)
    """A third, which all processes of its deployment have."""
    command: list[str] = field(default_factory=list)
    """The words of a `tuntas` command that it runs instead of serving; what the command says goes to the log."""


class Nursery:
    """Used by the drill's own process; all its children end when it is closed, or when the drill's process ends."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.drills.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )
        self._hear()

    def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(10)

    def bear(self, birth: Birth) -> Child:
        """Fork a child; it has begun to serve when this returns, and is not ready yet."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(birth.__dict__).encode() + b"\n")
        self._process.stdin.flush()
        return Child(int(self._hear()["pid"]))

    def _hear(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The nursery has ended; see {self._log}.")
        return json.loads(line)


class Child:
    """A process that is no child of this one, as far as ``subprocess.Popen`` would be used for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process: psutil.Process | None
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def poll(self) -> int | None:
        """None while it runs; how it ended is not known here."""
        process = self._process
        with suppress(psutil.NoSuchProcess):
            if process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return None
        return 0

    def wait(self, timeout: float | None = None) -> int:
        if self._process is not None:
            try:
                self._process.wait(timeout)
            except psutil.TimeoutExpired:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
        return 0

    def send_signal(self, number: int) -> None:
        with suppress(psutil.NoSuchProcess):
            if self._process is not None:
                self._process.send_signal(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def main() -> None:
    """Import everything, then fork at every request, until the input ends."""
    for name in SERVICES:
        find_service(name)
    for name in _ALSO:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    # Nobody waits for the children here: the system buries them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    answers.write('{"pid": 0}\n')
    children: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            answers.close()
            _live(Birth(**json.loads(line)))
        children.append(pid)
        answers.write(json.dumps({"pid": pid}) + "\n")
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _live(birth: Birth) -> None:
    """The life of a child; it never returns to the nursery's loop."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        ask = dies_with_parent(signal.SIGKILL)
        if ask is not None:
            ask()
        _write_to(birth.log)
        os.environ.update(birth.env)
        service = find_service(birth.service)
        if birth.dies_at is not None:
            points.listen(_death(*birth.dies_at))
        for fault in (birth.always, birth.everywhere, birth.fault):
            if fault:
                _break(service, fault)
        if birth.command:
            importlib.import_module("shared.cli").main(birth.command)
        else:
            serve(service, read_settings(service, Path(birth.env_file)), birth.role)  # type: ignore[arg-type]
        code = 0
    except SystemExit as end:
        code = int(end.code or 0) if not isinstance(end.code, str) else 1
    except BaseException:  # noqa: BLE001 - whatever ends a child stands in its log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _write_to(log: str) -> None:
    nothing, kept = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    os.dup2(kept, 1)
    os.dup2(kept, 2)


def dying_at(point: str) -> str:
    """The last line in the log of a process that killed itself at its point."""
    return f"dies at {point}"


def _death(point: str, nth: int) -> Any:
    left = nth

    def listener(reached: points.Point) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.write(1, f"{dying_at(point)}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    return listener


def _break(service: Any, fault: Sequence[str]) -> None:
    faults = importlib.import_module("tests.drills.faults")
    getattr(faults, fault[0])(service, *fault[1:])


if __name__ == "__main__":
    main()
