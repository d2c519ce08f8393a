"""Every bad request gets a clear answer: code, field, what to do; and never hears again what it sent."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import uvicorn
from sqlalchemy import text

from tests.fixtures import eventually
from tests.shared.web.hall import PEOPLE, Hall

NOTE = {"region": "64.72.05.1001", "words": "first"}
SECRET = "6472054507790001"


async def refused(hall: Hall, status: int, code: str, **request: Any) -> dict[str, Any]:
    headers = {**hall.officer(), **request.pop("headers", {})}
    request = {"method": "POST", "url": "/notes", **request}
    answer = await hall.client.request(**request, headers=headers)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:tuntas:problem:{code}"
    assert all(problem[part] for part in ("title", "detail", "what_to_do"))
    assert SECRET not in answer.text
    assert await hall.count("note") == 0
    return problem


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"words": None}, "words", "wrong-type"),
        ({"words": 7}, "words", "wrong-type"),
        ({"words": ""}, "words", "too-short"),
        ({"words": SECRET * 3}, "words", "too-long"),
        ({"count": 12}, "count", "too-large"),
        ({"count": -1}, "count", "too-small"),
        ({"count": "many"}, "count", "wrong-type"),
        ({"region": SECRET}, "region", "wrong-form"),
        ({"number": f"x{SECRET}"}, "number", "wrong-form"),
    ],
)
async def test_a_wrong_entry_is_named(hall: Hall, change: dict[str, Any], field: str, code: str) -> None:
    problem = await refused(hall, 422, "invalid", json=NOTE | change)
    assert problem["field"] == field
    assert [(each["field"], each["code"]) for each in problem["errors"]] == [(field, code)]


async def test_all_wrong_entries_are_named_at_once(hall: Hall) -> None:
    problem = await refused(hall, 422, "invalid", json={"count": 12})
    assert [(each["field"], each["code"]) for each in problem["errors"]] == [
        ("region", "missing"),
        ("words", "missing"),
        ("count", "too-large"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"region": "64', 400, "json-invalid"),
        (b"\xfa\xfb{}", 400, "body-unreadable"),
        (b"[" * 100_000, 400, "body-unreadable"),
        (b'{"count": ' + b"9" * 5_000 + b"}", 400, "body-unreadable"),
        (b"", 422, "body-missing"),
        (b'{"region": "64", "words": "a\\u0000b"}', 422, "text-unstorable"),
        (b'{"region": "64", "words": "a\\ud800b"}', 422, "text-unstorable"),
        (b"[]", 422, "invalid"),
        (b'"6472054507790001"', 422, "invalid"),
        (b"null", 422, "invalid"),
    ],
)
async def test_a_broken_body_is_refused(hall: Hall, body: bytes, status: int, code: str) -> None:
    await refused(hall, status, code, content=body, headers={"Content-Type": "application/json"})


async def test_text_that_only_looks_unstorable_is_taken(hall: Hall) -> None:
    body = b'{"region": "64.72.05.1001", "words": "a\\\\u0000b \\ud83d\\ude00"}'
    headers = hall.officer(**{"Content-Type": "application/json"})
    answer = await hall.client.post("/notes", content=body, headers=headers)
    assert answer.status_code == 201
    assert answer.json()["words"] == "a\\u0000b \N{GRINNING FACE}"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_refused(hall: Hall, kind: str) -> None:
    await refused(hall, 415, "content-type", content=json.dumps(NOTE), headers={"Content-Type": kind})
    await refused(hall, 415, "content-type", url="/files", json=NOTE)


async def test_five_megabytes_are_refused_whether_announced_or_streamed(hall: Hall) -> None:
    body = json.dumps(NOTE | {"words": "a" * 5_000_000}).encode()

    async def piecewise() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    headers = {"Content-Type": "application/json"}
    for content in (body, piecewise()):
        problem = await refused(hall, 413, "body-too-large", content=content, headers=headers)
        assert "1024" in problem["detail"]


async def test_an_upload_has_the_limit_of_its_route(hall: Hall) -> None:
    problem = await refused(hall, 413, "body-too-large", url="/files", files={"file": ("a", b"a" * 5_000_000)})
    assert "4096" in problem["detail"]


async def test_a_wrong_path_query_or_method_is_refused(hall: Hall) -> None:
    problem = await refused(hall, 422, "invalid", method="GET", url="/notes/no-uuid")
    assert problem["field"] == "path.note_id"
    problem = await refused(hall, 422, "invalid", method="GET", url=f"/notes/{uuid4()}?limit=0")
    assert problem["field"] == "query.limit"
    await refused(hall, 404, "not-found", url=f"/{SECRET}")
    await refused(hall, 405, "method-not-allowed", method="DELETE", url="/notes")
    await refused(hall, 422, "text-unstorable", method="GET", url="/notes?a=%00")
    await refused(hall, 422, "text-unstorable", method="GET", url="/notes/%00")


async def test_another_region_is_refused(hall: Hall) -> None:
    await refused(hall, 403, "region-not-yours", json=NOTE | {"region": "64.73"})


async def test_problems_speak_the_readers_language(hall: Hall) -> None:
    indonesian = await refused(hall, 422, "invalid", json={})
    english = await refused(hall, 422, "invalid", json={}, headers={"Accept-Language": "en-GB, id;q=0.5"})
    assert indonesian["errors"][0]["detail"] == "Wajib diisi."
    assert english["errors"][0]["detail"] == "Is required."


async def test_an_unexpected_error_tells_nothing_but_where_to_ask(
    hall: Hall, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = await refused(hall, 500, "internal", json=NOTE | {"words": "break"})
    assert "ZeroDivision" not in json.dumps(problem)
    answer = await hall.client.post("/notes", json=NOTE | {"words": "break"}, headers=hall.officer())
    assert answer.headers["x-correlation-id"] in answer.json()["detail"]
    assert SECRET not in capsys.readouterr().out


async def test_a_constraint_is_a_fault_of_ours_and_tells_no_row(hall: Hall) -> None:
    await hall.client.post("/notes", json=NOTE | {"words": SECRET}, headers=hall.officer())
    answer = await hall.client.post("/notes", json=NOTE | {"words": SECRET}, headers=hall.officer())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert SECRET not in answer.text


async def test_a_lost_database_asks_to_come_again(hall: Hall) -> None:
    async with hall.database.engine.begin() as admin:
        await hall.client.get("/notes", headers=hall.officer())
        await admin.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = :name and datname = current_database()"
            ),
            {"name": f"tuntas {PEOPLE}"},
        )
    answer = await hall.client.get("/notes", headers=hall.officer())
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "try-again", "5")
    assert (await hall.client.get("/notes", headers=hall.officer())).status_code == 200


async def test_every_answer_carries_the_security_headers(hall: Hall) -> None:
    for url in ("/open", "/nowhere", "/livez"):
        headers = (await hall.client.get(url)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


async def test_a_client_that_still_sends_hears_why_it_is_refused(hall: Hall) -> None:
    server = uvicorn.Server(uvicorn.Config(hall.app, port=0, http="httptools", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for refused_headers, code in ((hall.officer(**headers), "body-too-large"), (headers, "token-missing")):
            answer = await client.post("/notes", content=b"a" * 5_000_000, headers=refused_headers)
            assert answer.json()["code"] == code
    server.should_exit = True
    await serving
