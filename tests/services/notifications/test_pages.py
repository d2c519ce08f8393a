"""The screens without a browser: who gets which, and a stream that says nothing but "changed"."""

from __future__ import annotations

import asyncio
import time

import httpx2
import pytest

from services.notifications.app import SERVICE
from shared.events.intake import CohortClosed
from shared.security import Role
from shared.web.app import make_web_app
from tests.browser.serving import address, listening, serving
from tests.fixtures.deployments import TestDeployment
from tests.fixtures.tokens import token
from tests.services.notifications.story import KELURAHAN, changed
from tests.services.notifications.test_board import closed, tell, two_families


@pytest.mark.parametrize("path", ["/", "/unserved", "/inbox", "/?region=64.72.05", "/?as_of=2022-12-08", "/?as_of="])
async def test_pages_are_there_for_who_may_see_them(notifications: TestDeployment, path: str) -> None:
    await tell(notifications, two_families(), closed((KELURAHAN, 4)))
    answer = await notifications.client(Role.COORDINATOR).get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


async def test_an_empty_board_says_so(notifications: TestDeployment) -> None:
    answer = await notifications.client(Role.COORDINATOR).get("/", headers={"Accept": "text/html"})
    assert "Belum ada daftar sasaran" in answer.text


@pytest.mark.parametrize(
    ("path", "role", "region", "status"),
    [
        ("/", Role.INTEGRATION_CLIENT, "64.72", 403),
        ("/", Role.PROPOSER, "64.72", 403),
        ("/?region=64.71", Role.COORDINATOR, "64.72", 403),
        ("/?region=64.72", Role.COORDINATOR, "64.72.05", 403),
        ("/", Role.COORDINATOR, "64.72.05", 200),
        ("/?as_of=yesterday", Role.COORDINATOR, "64.72", 422),
        ("/?as_of=2030-01-01", Role.COORDINATOR, "64.72", 422),
        ("/unserved?after=nothing", Role.COORDINATOR, "64.72", 422),
        ("/inbox?after=nothing", Role.COORDINATOR, "64.72", 422),
        ("/inbox", Role.PROPOSER, "64.72", 200),
    ],
)
async def test_who_may_see_what(notifications: TestDeployment, path: str, role: Role, region: str, status: int) -> None:
    client = notifications.client(role, regions=[region])
    assert (await client.get(path, headers={"Accept": "text/html"})).status_code == status


async def test_a_stream_says_changed_and_ends_when_the_server_stops(notifications: TestDeployment) -> None:
    app = make_web_app("notifications", SERVICE.routes, notifications.deployment, http=notifications.http)
    on = listening()
    signed = token([Role.COORDINATOR], agency="dinsos-samarinda", regions=["64.72"])
    said: list[str] = []
    async with serving(app, on) as server, httpx2.AsyncClient(timeout=30) as client:
        headers = {"Authorization": f"Bearer {signed}"}
        async with client.stream("GET", f"{address(on)}/changes", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("id:") and not said:
                    await notifications.deliver(changed(CohortClosed))
                if line.startswith(("id:", "event:")):
                    said.append(line.split(":")[0])
                if line.startswith("event:"):
                    assert line == "event: changed"
                    server.should_exit = True
                    told_at = time.monotonic()
            assert time.monotonic() - told_at < 5
    assert said[:3] in (["id", "event", "id"], ["id", "id", "event"])
    assert not [task for task in asyncio.all_tasks() if "changes" in repr(task.get_coro())]
