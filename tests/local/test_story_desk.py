"""A desk's requests: one effect however often they are sent, patience with a restart, and a clear no."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from local.story.desk import Desk, IssuerTokens, Refused
from local.story.patience import NeverHappened, each, timed, until

Answer = Callable[[httpx2.Request], httpx2.Response]


class Service:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/token":
            return httpx2.Response(200, json={"access_token": "token-of-somebody", "expires_in": 3600})
        self.asked.append(request)
        return self.answers.pop(0)(request)


def says(status: int, body: Any = None) -> Answer:
    return lambda _: httpx2.Response(status, json=body)


def is_down(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("nobody listens", request=request)


@pytest.fixture
async def at() -> AsyncIterator[Callable[[Service], Desk]]:
    clients: list[httpx2.AsyncClient] = []

    def sit(service: Service) -> Desk:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(service))
        clients.append(http)
        tokens = IssuerTokens(http, "http://127.0.0.1:1/token")
        return Desk(http, tokens, "http://127.0.0.1:2", "dinsos-samarinda.petugas-register", patience_s=20)

    yield sit
    for client in clients:
        await client.aclose()


async def test_a_request_carries_the_token_of_its_person(at: Callable[[Service], Desk]) -> None:
    service = Service(says(200, {"persons": 3}))
    assert await at(service).get("/board", day="2026-11-23", region=None) == {"persons": 3}
    assert service.asked[0].headers["authorization"] == "Bearer token-of-somebody"
    assert service.asked[0].url.query == b"day=2026-11-23"


async def test_a_write_is_repeated_under_its_key_while_the_service_is_away(at: Callable[[Service], Desk]) -> None:
    still_working = says(409, {"code": "idempotency-in-progress"})
    service = Service(is_down, says(503), still_working, says(201, {"id": 1}))
    assert await at(service).post("/households", {"region": "64.72.05.1001"}) == {"id": 1}
    assert len(service.asked) == 4
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 1


async def test_other_words_have_another_key_and_the_same_words_the_same(at: Callable[[Service], Desk]) -> None:
    service = Service(*[says(201)] * 4)
    desk = at(service)
    for body, key in (({"a": 1}, None), ({"a": 1}, None), ({"a": 2}, None), ({"a": 1}, "second")):
        await desk.post("/x", body, key=key)
    keys = [request.headers["idempotency-key"] for request in service.asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_a_no_is_said_once_with_its_code(at: Callable[[Service], Desk]) -> None:
    service = Service(says(409, {"code": "fund-line-exhausted", "errors": [{"code": "line-named"}]}))
    with pytest.raises(Refused, match="409 fund-line-exhausted line-named") as refused:
        await at(service).post("/enrolments", {})
    assert refused.value.code == "fund-line-exhausted"
    assert len(service.asked) == 1


async def test_an_upload_says_what_file_it_is(at: Callable[[Service], Desk]) -> None:
    service = Service(says(202, {"import_id": "1"}))
    await at(service).upload("/imports", ("some/folder/register.csv", b"no_urut\n", "text/csv"), {"register": "dtks"})
    sent = service.asked[0]
    assert b'filename="register.csv"' in sent.content
    assert b"dtks" in sent.content
    assert sent.headers["idempotency-key"]


async def test_waiting_ends_when_it_holds_and_fails_when_it_never_does() -> None:
    seen = iter(range(100))

    async def look() -> int:
        return next(seen)

    assert await until(look, lambda count: count >= 2, "the count", within_s=10) == 2
    with pytest.raises(NeverHappened, match="the sun rises"):
        await until(look, lambda _: False, "the sun rises", within_s=0)


async def test_many_things_are_done_a_few_at_a_time_and_answered_in_order() -> None:
    under_way, most = 0, 0

    async def act(thing: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return thing * 2

    assert await each(range(50), act, at_once=5) == [thing * 2 for thing in range(50)]
    assert most == 5


async def test_an_error_in_one_of_many_ends_them_all() -> None:
    async def act(thing: int) -> int:
        if thing == 3:
            raise Refused(422, {"code": "reasons-missing"}, "POST /x")
        return thing

    with pytest.raises(ExceptionGroup) as group:
        await each(range(10), act, at_once=2)
    assert group.group_contains(Refused)


async def test_seconds_of_a_phase_add_up() -> None:
    seconds: dict[str, float] = {}
    for _ in range(2):
        async with timed(seconds, "register"):
            await asyncio.sleep(0)
    assert seconds["register"] >= 0
