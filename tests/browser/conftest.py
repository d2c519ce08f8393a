"""A board that people can open: real HTTP, the laptop's issuer, and Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from local.issuer import Issuer, make_issuer_app
from local.people import SHIPPED, PeopleFile
from services.notifications.app import SERVICE
from shared.web.app import make_web_app
from tests.browser.scene import Scene, play
from tests.browser.serving import address, listening, serving
from tests.fixtures.deployments import DeploymentFactory

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
    """A Chromium of this machine. Where there is none the test fails: what nobody looked at is not known to work."""
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.fail(
                "The browser tests need Chromium: `apt-get install -y chromium`, or `playwright install chromium`.",
                pytrace=False,
            )
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
