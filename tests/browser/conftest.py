"""A board that people can open: real HTTP, the laptop's issuer, and Debian's Chromium."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, async_playwright

from local.issuer import Issuer, make_issuer_app
from local.people import SHIPPED, PeopleFile
from services.notifications.app import SERVICE
from shared.web.app import make_web_app
from tests.browser.scene import Scene, play
from tests.fixtures.deployments import DeploymentFactory
from tests.fixtures.waiting import eventually

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium. Where there is none the test fails: what nobody looked at is not known to work."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("The browser tests need Chromium: install it with `apt-get install -y chromium`.", pytrace=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def scene(deployment_of: DeploymentFactory, tmp_path: Path) -> AsyncIterator[Scene]:
    """The board of a small Samarinda, with people who may sign in."""
    issuer_socket, board_socket = listening(), listening()
    issuer = Issuer(address(issuer_socket), PeopleFile(SHIPPED), tmp_path / "issuer", mode="laptop")
    deployment = await deployment_of(
        SERVICE,
        people_file=SHIPPED,
        oidc_issuer=issuer.url,
        oidc_jwks_url=issuer.jwks_url,
        public_url=address(board_socket),
    )
    await play(deployment)
    board = make_web_app("notifications", SERVICE.routes, deployment.deployment)
    async with serving(make_issuer_app(issuer), issuer_socket), serving(board, board_socket):
        yield Scene(deployment, address(board_socket))


@asynccontextmanager
async def serving(app: FastAPI, on: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a socket until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    task = asyncio.create_task(server.serve(sockets=[on]))
    await eventually(lambda: server.started, what="the server's start")
    try:
        yield
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
