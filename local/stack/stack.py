"""Using the stack: find the keeper or start one, hold a lease, and let go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from local.stack.addresses import StackAddresses, kafka_of_environment, postgres_of_environment
from local.stack.plan import FAILURE, SOMEBODY_ELSE_KEEPS_IT, STAYS, Plan
from local.stack.processes import LOOPBACK, StackError, is_alive, tail

_REPOSITORY = Path(__file__).resolve().parents[2]
# A first start on a slow line fetches some 46 MB.
_START_SECONDS = 600.0
_STOP_SECONDS = 60.0
_LAST_MOMENT_SECONDS = 5.0


def state_folder() -> Path:
    """The one folder under which everything of the laptop is kept: `TUNTAS_STATE`, or `.tuntas` in the repository."""
    return Path(os.environ.get("TUNTAS_STATE") or _REPOSITORY / ".tuntas").absolute()


def jars_folder() -> Path:
    """Where the jars of Kafka are kept for every stack of this machine's user."""
    return state_folder() / "jars"


class Stack:
    """Real Kafka and PostgreSQL for as long as the context lasts.

        with Stack(state_folder() / "demo") as stack:
            stack.kafka_bootstrap, stack.kafka_admin, stack.postgres_admin_dsn

    Which ones: what the environment names (`TUNTAS_KAFKA`, `TUNTAS_DATABASE_ADMIN_DSN`); else containers, when
    `TUNTAS_STACK=containers`; else embedded ones under `state`. Several processes may share one state: the stack stops
    when the last has left. With `alone` a stack that somebody uses already is refused. With `fresh` it starts
    empty and is thrown away at the end; with `forgetful` it does not flush to disk either. `say` hears what a long
    start is doing.
    """

    def __init__(
        self,
        state: Path,
        *,
        alone: bool = False,
        forgetful: bool = False,
        fresh: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        containers = os.environ.get("TUNTAS_STACK", "embedded") == "containers"
        # Apart, so that nobody who asks for one kind joins a stack of the other.
        self.state = state.absolute().with_name(f"{state.name}-containers") if containers else state.absolute()
        self._alone = alone
        self._say = say or (lambda _: None)
        self._plan = Plan(
            jars=str(jars_folder()),
            fresh=fresh or forgetful,
            flushing=not forgetful,
            containers=containers,
        )
        self._addresses: StackAddresses | None = None
        self._lease: socket.socket | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._keeper_pid = 0

    @property
    def addresses(self) -> StackAddresses:
        if self._addresses is None:
            raise StackError("The stack is not started: use it as a context manager.")
        return self._addresses

    @property
    def kafka_bootstrap(self) -> str:
        return self.addresses.kafka_bootstrap

    @property
    def kafka_admin(self) -> tuple[str, str]:
        """User name and password of Kafka's super user."""
        return self.addresses.kafka_admin

    @property
    def postgres_admin_dsn(self) -> str:
        return self.addresses.postgres_admin_dsn

    @property
    def is_alive(self) -> bool:
        """Whether the keeper still holds the stack for us; an outside stack is taken to be."""
        if self._lease is None:
            return self._addresses is not None
        try:
            return self._lease.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def start(self) -> Self:
        kafka, postgres = kafka_of_environment(), postgres_of_environment()
        if kafka and postgres:
            self._addresses = StackAddresses(kafka, postgres)
            return self
        self.state.mkdir(parents=True, exist_ok=True)
        self._log.touch(mode=0o600)
        deadline = time.monotonic() + _START_SECONDS
        heard = len(self._lines())
        try:
            while not self._take_lease():
                heard = self._pass_on(heard)
                if time.monotonic() > deadline:
                    raise StackError(f"The stack was not ready after {_START_SECONDS:.0f} s; see {self._log}.")
                self._see_that_a_keeper_starts()
                time.sleep(0.03)
        finally:
            self._end_a_keeper_too_many()
        return self

    def stop(self) -> None:
        """Let go. Returns when the stack is down, or at once when others still use it."""
        lease, self._lease, self._addresses = self._lease, None, None
        if lease is None:
            return
        farewell = b""
        with contextlib.suppress(OSError):
            lease.shutdown(socket.SHUT_WR)
            lease.settimeout(_STOP_SECONDS)
            while said := lease.recv(4096):
                farewell += said
        lease.close()
        if not farewell.endswith(STAYS):
            self._wait_for_its_end()

    def _wait_for_its_end(self) -> None:
        """The connection ends a moment before the keeper's process does."""
        if self._keeper is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keeper.wait(_LAST_MOMENT_SECONDS)
        deadline = time.monotonic() + _LAST_MOMENT_SECONDS
        while self._keeper_pid and is_alive(self._keeper_pid) and time.monotonic() < deadline:
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def _log(self) -> Path:
        return self.state / "keeper.log"

    def _take_lease(self) -> bool:
        """Greet the keeper that `stack.json` names. One left by a crash names a port where nobody knows its token."""
        try:
            facts = json.loads((self.state / "stack.json").read_text())
            lease = socket.create_connection((LOOPBACK, facts["port"]), timeout=2.0)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        try:
            lease.sendall(json.dumps({"token": facts["token"], "alone": self._alone}).encode() + b"\n")
            answer = lease.makefile("rb").readline()
        except OSError:
            answer = b""
        if answer.strip() == b"in use":
            lease.close()
            raise StackError(f"The stack under {self.state} is in use by another process: end that one first.")
        if not answer.startswith(b"{"):
            lease.close()
            return False
        lease.settimeout(None)
        self._lease, self._addresses = lease, StackAddresses.from_json(answer.decode())
        self._keeper_pid = int(facts.get("pid", 0))
        return True

    def _see_that_a_keeper_starts(self) -> None:
        code = None if self._keeper is None else self._keeper.poll()
        if self._keeper is not None and code is None:
            return
        if code not in (None, 0, SOMEBODY_ELSE_KEEPS_IT):
            reason = self.state / FAILURE
            raise StackError(
                reason.read_text() if reason.exists() else f"The keeper of {self.state} died:\n{tail(self._log)}"
            )
        if code == SOMEBODY_ELSE_KEEPS_IT:
            # It is starting, or stopping; either way the next look will tell.
            time.sleep(0.1)
        with self._log.open("ab") as log:
            self._keeper = subprocess.Popen(
                self._plan.keeper(self.state),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=_REPOSITORY,
            )

    def _end_a_keeper_too_many(self) -> None:
        """Where somebody else's keeper greeted us, or none: ours, still starting, would begin a stack for nobody."""
        if self._keeper is not None and self._keeper.pid != self._keeper_pid:
            self._keeper.kill()
            self._keeper.wait()
            self._keeper = None

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").split("\n")[:-1]

    def _pass_on(self, heard: int) -> int:
        """Hand new whole lines of the keeper's log to whoever waits. A new keeper begins the log anew."""
        lines = self._lines()
        for line in lines[heard if len(lines) >= heard else 0 :]:
            self._say(line)
        return len(lines)
