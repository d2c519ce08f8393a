"""The edge: one key, one effect, one answer; nothing is answered that does not stand."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.messaging import Session
from tests.shared.web.hall import PEOPLE, Hall, open_hall

NOTE = {"region": "64.72.05.1001", "words": "first"}


async def test_a_write_stands_with_its_event_audit_row_and_answer(hall: Hall) -> None:
    answer = await hall.client.post("/notes", json=NOTE, headers=hall.officer())

    assert answer.status_code == 201
    assert await hall.count("note") == 1
    assert await hall.count("kernel.outbox") == 1
    ((principal, action, subjects, correlation_id),) = await hall.rows(
        "select principal, action, subjects, correlation_id from kernel.audit"
    )
    assert (principal, action) == (f"{PEOPLE}/{PEOPLE}.petugas-program", "write_note")
    assert subjects == {"id": answer.json()["id"]}
    assert correlation_id == answer.headers["x-correlation-id"]


async def test_fifty_parallel_sends_of_one_key_run_once_and_hear_the_same(hall: Hall) -> None:
    headers = hall.officer()
    answers = await asyncio.gather(*(hall.client.post("/notes", json=NOTE, headers=headers) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert (await hall.count("note"), await hall.count("kernel.outbox"), await hall.count("kernel.audit")) == (1, 1, 1)


async def test_two_processes_share_one_key(hall: Hall, tmp_path: Path) -> None:
    headers = hall.officer()
    async with open_hall(hall.database, tmp_path) as other:
        clients = [hall.client, other.client] * 10
        answers = await asyncio.gather(*(client.post("/notes", json=NOTE, headers=headers) for client in clients))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await hall.count("note") == 1


async def test_a_key_used_for_another_body_or_address_is_refused(hall: Hall) -> None:
    headers = hall.officer()
    await hall.client.post("/notes", json=NOTE, headers=headers)

    answer = await hall.client.post("/notes", json=NOTE | {"words": "second"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await hall.count("note") == 1


async def test_a_key_belongs_to_its_principal(hall: Hall) -> None:
    key = str(uuid4())
    first = {**hall.as_(f"{PEOPLE}.petugas-program"), "Idempotency-Key": key}
    second = {**hall.as_(f"{PEOPLE}.kepala-bidang-program"), "Idempotency-Key": key}
    await hall.client.post("/notes", json=NOTE, headers=first)
    answer = await hall.client.post("/notes", json=NOTE | {"words": "second"}, headers=second)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing"), ("", "missing"), ("short", "invalid"), ("a b c d e f", "invalid")]
)
async def test_a_write_needs_a_key(hall: Hall, key: str | None, code: str) -> None:
    headers = hall.as_(f"{PEOPLE}.petugas-program") | ({} if key is None else {"Idempotency-Key": key})
    answer = await hall.client.post("/notes", json=NOTE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, f"idempotency-key-{code}")
    assert answer.json()["field"] == "Idempotency-Key"


@pytest.mark.parametrize(("words", "status"), [("refuse", 404), ("break", 500)])
async def test_what_fails_leaves_nothing_and_its_key_may_be_used_again(hall: Hall, words: str, status: int) -> None:
    headers = hall.officer()
    answer = await hall.client.post("/notes", json=NOTE | {"words": words}, headers=headers)

    assert answer.status_code == status
    for table in ("note", "kernel.outbox", "kernel.audit", "kernel.idempotency", "kernel.announced"):
        assert await hall.count(table) == 0, table
    assert (await hall.client.post("/notes", json=NOTE, headers=headers)).status_code == 201


async def test_a_returned_refusal_rolls_back_as_a_raised_one_does(hall: Hall) -> None:
    answer = await hall.client.put(f"/notes/{uuid4()}", headers=hall.officer())
    assert (answer.status_code, answer.text) == (409, "no")
    assert await hall.count("note") == 0


async def test_a_crash_after_the_commit_is_mended_by_sending_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hall.deployment.kernel.commit

    async def commit_and_die(session: Session) -> None:
        await commit(session)
        raise ConnectionResetError

    headers = hall.officer()
    with monkeypatch.context() as patch:
        patch.setattr(hall.deployment.kernel, "commit", commit_and_die)
        assert (await hall.client.post("/notes", json=NOTE, headers=headers)).status_code == 503

    answer = await hall.client.post("/notes", json=NOTE, headers=headers)
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert await hall.count("note") == 1


async def test_a_crash_before_the_commit_leaves_the_key_free(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(_: Session) -> None:
        raise ConnectionResetError

    headers = hall.officer()
    with monkeypatch.context() as patch:
        patch.setattr(hall.deployment.kernel, "commit", die)
        assert (await hall.client.post("/notes", json=NOTE, headers=headers)).status_code == 503
    assert await hall.count("kernel.idempotency") == 0

    answer = await hall.client.post("/notes", json=NOTE, headers=headers)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_kept_answers_are_sealed(hall: Hall) -> None:
    await hall.client.post("/notes", json=NOTE | {"words": "a-secret"}, headers=hall.officer())
    ((answer,),) = await hall.rows("select answer from kernel.idempotency")
    assert b"a-secret" not in answer


async def test_the_answer_to_a_look_is_not_kept_but_each_look_is_recorded(hall: Hall) -> None:
    await hall.client.post("/notes", json=NOTE, headers=hall.officer())
    headers = hall.officer()
    for _ in range(2):
        assert (await hall.client.post("/looks", headers=headers)).json() == ["first"]
    assert await hall.count("kernel.idempotency") == 1
    purposes = await hall.rows("select count(*) from kernel.audit where purpose = 'a-visit'")
    assert purposes == [(2,)]
    del headers["Idempotency-Key"]
    assert (await hall.client.post("/looks", headers=headers)).json()["code"] == "idempotency-key-missing"


async def test_an_upload_repeated_with_another_boundary_is_the_same_request(hall: Hall) -> None:
    headers = hall.officer()
    answers = [
        await hall.client.post("/files", files={"file": ("list.csv", b"a" * 2_000_000)}, headers=headers)
        for _ in range(2)
    ]
    assert [answer.json() for answer in answers] == [{"bytes": 2_000_000}] * 2
    other = await hall.client.post("/files", files={"file": ("list.csv", b"b" * 2_000_000)}, headers=headers)
    assert other.json()["code"] == "idempotency-key-reused"


async def test_the_answer_to_a_write_is_never_a_stream(hall: Hall) -> None:
    answer = await hall.client.post("/streams", headers=hall.officer())
    assert answer.status_code == 500


async def test_the_audit_cannot_be_changed(hall: Hall) -> None:
    await hall.client.post("/notes", json=NOTE, headers=hall.officer())
    for statement in ("update kernel.audit set action = 'x'", "delete from kernel.audit", "truncate kernel.audit"):
        async with hall.database.engine.connect() as connection:
            with pytest.raises(Exception, match="append-only"):
                await connection.execute(text(statement))


async def test_reads_hold_to_the_callers_regions(hall: Hall) -> None:
    for region, words in (("64.72.05.1001", "in"), ("64.72", "city")):
        await hall.client.post("/notes", json={"region": region, "words": words}, headers=hall.officer())
    utara = await hall.client.get("/notes", headers=hall.as_(f"{PEOPLE}.pendamping-samarinda-utara"))
    palaran = await hall.client.get("/notes", headers=hall.as_(f"{PEOPLE}.pendamping-palaran"))
    province = await hall.client.get("/notes", headers=hall.as_("dinsos-kaltim.koordinator-provinsi"))
    assert (utara.json(), palaran.json(), province.json()) == (["in"], [], ["city", "in"])
