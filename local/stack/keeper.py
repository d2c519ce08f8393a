"""The process that keeps the stack for whoever holds a lease, and stops it when the last of them is gone.

A lease is an open connection: it ends with its holder, however the holder ends, so that no crash leaves a broker or a
server behind. The keeper is in a session of its own, where a Ctrl-C in somebody's terminal does not reach it; should
the keeper itself be killed, Linux ends its children, and elsewhere the next start does.

Started by `local.stack.Stack` as `python -m local.stack.keeper STATE '{"…"}'`; nobody starts it by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Any

from local.stack.addresses import StackAddresses
from local.stack.parts import Parts
from local.stack.plan import FAILURE, SOMEBODY_ELSE_KEEPS_IT, STAYS, Plan
from local.stack.processes import LOOPBACK, StackError, try_to_hold

_FIRST_LEASE_SECONDS = 30.0
_LOOK_SECONDS = 0.25
_GREETING_BYTES_MAX = 4096


def say(message: str) -> None:
    """One line for whoever waits; `Stack` passes it on."""
    print(message, flush=True)


class Leases:
    """Who uses the stack. `ended` is set when the last holder has gone, or none came."""

    def __init__(self, addresses: StackAddresses) -> None:
        self.token = secrets.token_urlsafe(24)
        self.ended = asyncio.Event()
        self._addresses = addresses
        self._holders = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One holder: greet, count, and keep until the connection ends."""
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError, ValueError):
            greeting = json.loads(await asyncio.wait_for(reader.readline(), timeout=5.0))
            if greeting.get("token") == self.token and not self.ended.is_set():
                await self._keep(reader, writer, alone=bool(greeting.get("alone")))
        if not self.ended.is_set():
            # Otherwise the connection ends with this process: so the last holder knows when nothing is left.
            with contextlib.suppress(ConnectionError):
                writer.write(STAYS)
                writer.close()

    async def _keep(self, reader: StreamReader, writer: StreamWriter, *, alone: bool) -> None:
        if alone and self._holders:
            writer.write(b"in use\n")
            return
        self._holders += 1
        try:
            writer.write(self._addresses.to_json().encode() + b"\n")
            await writer.drain()
            await reader.read()
        finally:
            self._holders -= 1
            if self._holders == 0:
                self.ended.set()

    async def expect_one(self) -> None:
        """End when nobody came in time: whoever asked for the stack has died while it started."""
        await asyncio.sleep(_FIRST_LEASE_SECONDS)
        if self._holders == 0:
            self.ended.set()


async def keep(state: Path, parts: Parts, addresses: StackAddresses) -> None:
    """Publish where the keeper is, and serve leases until they have ended, a part has died, or a signal says stop."""
    leases = Leases(addresses)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, leases.ended.set)
    server = await asyncio.start_server(leases.serve, LOOPBACK, 0, limit=_GREETING_BYTES_MAX)
    port = server.sockets[0].getsockname()[1]
    publish(state, {"port": port, "token": leases.token, "pid": os.getpid(), "ports": parts.ports})
    patience = asyncio.create_task(leases.expect_one())
    try:
        while not leases.ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(leases.ended.wait(), _LOOK_SECONDS)
            if ended := parts.what_ended():
                leases.ended.set()
                raise StackError(f"The {ended} of the stack has ended by itself; its log is under {state}.")
    finally:
        patience.cancel()
        # From here on nobody may find us: a newcomer waits for the lock and starts its own. What we started ends
        # before the loop does, and with it the connection on which the last holder waits.
        (state / "stack.json").unlink(missing_ok=True)
        parts.stop()


def publish(state: Path, facts: dict[str, Any]) -> None:
    """Write the file by which holders find the keeper, whole or not at all, for our own user only."""
    with tempfile.NamedTemporaryFile("w", dir=state, prefix=".stack-", delete=False) as file:
        json.dump(facts, file)
    Path(file.name).replace(state / "stack.json")
    remember_ports(state, facts["ports"])


def remember_ports(state: Path, ports: dict[str, list[int]]) -> None:
    """Keep the ports for the next start, so that addresses seldom change."""
    (state / "ports.json").write_text(json.dumps(ports))


def remembered_ports(state: Path) -> dict[str, list[int]]:
    """The ports of the last start; a damaged file is as good as none."""
    try:
        found = json.loads((state / "ports.json").read_text())
        return {str(name): [int(port) for port in ports] for name, ports in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def main(state: Path, plan: Plan) -> int:
    lock = try_to_hold(state / "stack.lock")
    if lock is None:
        return SOMEBODY_ELSE_KEEPS_IT
    os.truncate(state / "keeper.log", 0)
    (state / "stack.json").unlink(missing_ok=True)
    (state / FAILURE).unlink(missing_ok=True)
    try:
        parts = Parts(state, plan, remembered_ports(state), say)
        try:
            addresses = parts.start()
        except BaseException:
            parts.stop()
            raise
        asyncio.run(keep(state, parts, addresses))
    except StackError as error:
        (state / FAILURE).write_text(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Plan(**json.loads(sys.argv[2]))))
