"""Applications on real sockets of this machine, for a browser to open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from tests.fixtures.waiting import eventually


@asynccontextmanager
async def serving(app: FastAPI, on: socket.socket) -> AsyncIterator[uvicorn.Server]:
    """Serve an application on a socket until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    task = asyncio.create_task(server.serve(sockets=[on]))
    await eventually(lambda: server.started, what="the server's start")
    try:
        yield server
    finally:
        server.should_exit = True
        await task


def listening() -> socket.socket:
    """A socket on a free port of this machine."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def address(of: socket.socket) -> str:
    return f"http://127.0.0.1:{of.getsockname()[1]}"
