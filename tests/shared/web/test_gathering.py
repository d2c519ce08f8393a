"""Requests that share a transaction: for each of them all is as if it had come alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from shared.messaging import Session
from shared.web.idempotency import TRY_HOLD
from shared.web.lingering import TOGETHER_MAX
from tests.fixtures.waiting import eventually
from tests.shared.web.hall import PEOPLE, Hall, open_hall

REGION = "64.72.05.1001"


def card(words: str) -> dict[str, str]:
    return {"region": REGION, "words": words}


async def send(hall: Hall, words: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    return await hall.client.post("/cards", json=card(words), headers=headers or hall.officer())


async def send_together(hall: Hall, *words: str) -> list[httpx2.Response]:
    """Send cards so that all have come before any is answered: a slow one is at work meanwhile."""
    async with slow_cards(hall):
        slow = asyncio.create_task(send(hall, "slow"))
        await eventually(lambda: waits(hall))
        others = [asyncio.create_task(send(hall, each)) for each in words]
        for _ in range(200):
            await asyncio.sleep(0)
    assert (await slow).status_code == 201
    return list(await asyncio.gather(*others))


@asynccontextmanager
async def slow_cards(hall: Hall) -> AsyncIterator[None]:
    """In the block, cards whose words begin with ``slow`` are not written."""
    async with hall.database.engine.connect() as held:
        await held.execute(text("select pg_advisory_xact_lock(1, 2)"))
        yield
        await held.rollback()


async def waits(hall: Hall) -> bool:
    query = "select 1 from pg_locks join pg_database on oid = database and datname = current_database()"
    return bool(await hall.rows(f"{query} where locktype = 'advisory' and not granted"))


async def counts(hall: Hall) -> tuple[int, int, int, int]:
    tables = ("note", "kernel.outbox", "kernel.audit", "kernel.idempotency")
    return tuple([await hall.count(each) for each in tables])  # type: ignore[return-value]


async def test_a_card_stands_with_its_event_audit_row_and_answer(hall: Hall) -> None:
    answer = await send(hall, "alone")
    assert (answer.status_code, answer.json()["together"]) == (201, 1)
    ((principal, action, subjects, correlation_id),) = await hall.rows(
        "select principal, action, subjects, correlation_id from kernel.audit"
    )
    assert (principal, action) == (f"{PEOPLE}/{PEOPLE}.petugas-program", "write_card")
    assert subjects == {"id": answer.json()["id"]}
    assert correlation_id == answer.headers["x-correlation-id"]
    assert await counts(hall) == (1, 1, 1, 1)


async def test_who_comes_meanwhile_is_written_together_and_each_under_its_own_cause(hall: Hall) -> None:
    answers = await send_together(hall, *(f"card {n}" for n in range(10)))
    assert [answer.status_code for answer in answers] == [201] * 10
    assert [answer.json()["words"] for answer in answers] == [f"card {n}" for n in range(10)]
    assert {answer.json()["together"] for answer in answers} == {10}
    assert await counts(hall) == (11, 11, 11, 11)
    told = {answer.json()["id"]: answer.headers["x-correlation-id"] for answer in answers}
    events = await hall.rows("select convert_from(key, 'UTF8'), headers ->> 'ce_correlationid' from kernel.outbox")
    assert told.items() <= dict(events).items()
    audited = await hall.rows("select subjects ->> 'id', correlation_id from kernel.audit")
    assert told.items() <= dict(audited).items()


async def test_those_who_come_one_after_the_other_are_written_together(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon after another transaction, and while nothing is written: the second of them ends the wait of the first."""
    monkeypatch.setattr("shared.web.lingering.APART_SECONDS", 3_600)
    assert (await send(hall, "before")).json()["together"] == 1
    first = asyncio.create_task(send(hall, "first"))
    for _ in range(200):
        await asyncio.sleep(0)
    assert not first.done()
    answers = [await send(hall, "second"), await first]
    assert [answer.json()["together"] for answer in answers] == [2, 2]


async def test_what_is_announced_goes_on_its_way_before_it_is_answered(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, sent = asyncio.Event(), asyncio.Event()

    async def on_its_way(_: Session) -> None:
        committed.set()
        await sent.wait()

    monkeypatch.setattr(hall.deployment.kernel, "on_its_way", on_its_way)
    sending = asyncio.create_task(send(hall, "one"))
    await committed.wait()
    assert await counts(hall) == (1, 1, 1, 1)
    # Nor does the next transaction wait for that.
    next_one = asyncio.create_task(send(hall, "two"))

    async def both_stand() -> bool:
        return await counts(hall) == (2, 2, 2, 2)

    await eventually(both_stand)
    assert not sending.done()
    assert not next_one.done()
    sent.set()
    assert [(await each).status_code for each in (sending, next_one)] == [201, 201]


async def test_who_comes_alone_to_a_quiet_place_waits_for_nobody(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.web.lingering.APART_SECONDS", 0)
    monkeypatch.setattr("shared.web.lingering.COMPANY_SECONDS", 3_600)
    assert [(await send(hall, each)).json()["together"] for each in ("one", "two", "three")] == [1, 1, 1]


async def test_no_more_than_the_limit_share_a_transaction(hall: Hall) -> None:
    answers = await send_together(hall, *(f"card {n}" for n in range(TOGETHER_MAX + 20)))
    assert [answer.json()["together"] for answer in answers] == [TOGETHER_MAX] * TOGETHER_MAX + [20] * 20
    assert await hall.count("note") == TOGETHER_MAX + 21


async def test_one_that_is_refused_leaves_nothing_and_the_others_stand(hall: Hall) -> None:
    await send(hall, "taken")
    headers = hall.officer()
    answers = await send_together(hall, "first", "second", "taken", "third", "second")
    assert [answer.status_code for answer in answers] == [201, 201, 404, 201, 404]
    assert await counts(hall) == (5, 5, 5, 5)
    assert (await send(hall, "taken", headers)).status_code == 404
    assert (await send(hall, "free", headers)).status_code == 201


async def test_one_that_breaks_everything_is_alone_with_it(hall: Hall) -> None:
    answers = await send_together(hall, "first", "second", "break", "third")
    assert [answer.status_code for answer in answers] == [201, 201, 500, 201]
    assert await counts(hall) == (4, 4, 4, 4)


async def test_a_region_that_is_not_the_callers_is_refused_before_anything_is_gathered(hall: Hall) -> None:
    answer = await hall.client.post("/cards", json=card("far") | {"region": "11.01.01.2001"}, headers=hall.officer())
    assert (answer.status_code, answer.json()["code"]) == (403, "region-not-yours")
    assert await counts(hall) == (0, 0, 0, 0)


async def test_a_key_has_one_effect_whoever_sends_it_how_often(hall: Hall, tmp_path: Path) -> None:
    headers = hall.officer()
    async with open_hall(hall.database, tmp_path) as other:
        clients = [hall.client, other.client] * 10
        answers = await asyncio.gather(
            *(client.post("/cards", json=card("one"), headers=headers) for client in clients),
            *(send(hall, f"beside {n}") for n in range(5)),
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers[:20]}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers[:20]) == 1
    assert await counts(hall) == (6, 6, 6, 6)


async def test_a_key_that_another_process_has_in_hand_holds_nobody_else_up(hall: Hall, tmp_path: Path) -> None:
    headers = hall.officer()
    async with open_hall(hall.database, tmp_path) as other:
        async with slow_cards(hall):
            first = asyncio.create_task(send(other, "slow", headers))
            await eventually(lambda: waits(hall))
            again = asyncio.create_task(send(hall, "slow", headers))
            beside = [(await send(hall, f"beside {n}")).status_code for n in range(3)]
            assert beside == [201] * 3
            assert not again.done()
        answers = await asyncio.gather(first, again)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text
    assert await counts(hall) == (4, 4, 4, 4)


@pytest.mark.parametrize("in_company", [False, True])
@pytest.mark.parametrize("refused_now", [False, True])
async def test_what_was_answered_while_a_key_was_asked_for_is_answered_again(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_company: bool, refused_now: bool
) -> None:
    """Between what its statement sees and the key that it gets: the moment in which another process has answered."""
    headers, answers = hall.officer(), hall.app.state.answers
    ask = answers._ask

    async def ask_behind_a_gate(session: Session, statement: str, claims: Any) -> Any:
        gate = "(select pg_try_advisory_xact_lock(n) from (select pg_advisory_xact_lock(3, 4)) as gate)"
        return await ask(session, statement.replace("pg_try_advisory_xact_lock(n)", gate), claims)

    async with open_hall(hall.database, tmp_path) as other, hall.database.engine.connect() as gate:
        async with slow_cards(hall):
            if in_company:
                slow = asyncio.create_task(send(hall, "slow"))
                await eventually(lambda: waits(hall))
            await gate.execute(text("select pg_advisory_xact_lock(3, 4)"))
            monkeypatch.setattr(answers, "_ask", ask_behind_a_gate)
            late = asyncio.create_task(send(hall, "one", headers))
            beside = [asyncio.create_task(send(hall, f"beside {n}")) for n in range(2)] if in_company else []
            for _ in range(200):
                await asyncio.sleep(0)
        if in_company:
            assert (await slow).status_code == 201
        await eventually(lambda: waits(hall))
        first = await send(other, "one", headers)
        if not refused_now:
            async with hall.database.engine.begin() as connection:
                await connection.execute(text("delete from note where words = 'one'"))
        await gate.rollback()
        answer = await late
        assert [(await each).status_code for each in beside] == [201] * len(beside)
    assert (first.status_code, answer.status_code) == (201, 201)
    assert answer.text == first.text
    assert "idempotency-replayed" in answer.headers
    assert await hall.count("kernel.audit") == 1 + 3 * in_company


async def test_a_key_used_for_another_card_is_refused(hall: Hall) -> None:
    headers = hall.officer()
    await send(hall, "one", headers)
    answer = await send(hall, "two", headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await hall.count("note") == 1


@pytest.mark.parametrize("stands", [True, False])
async def test_a_crash_around_the_commit_is_mended_by_sending_again(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, stands: bool
) -> None:
    commit = hall.deployment.kernel.commit

    async def commit_and_die(session: Session) -> None:
        if stands:
            await commit(session)
        raise ConnectionResetError

    requests: list[tuple[dict[str, Any], dict[str, str]]] = [(card(f"card {n}"), hall.officer()) for n in range(5)]
    with monkeypatch.context() as patch:
        patch.setattr(hall.deployment.kernel, "commit", commit_and_die)
        failed = await asyncio.gather(*(hall.client.post("/cards", json=b, headers=h) for b, h in requests))
        assert {answer.status_code for answer in failed} == {503}
    again = await asyncio.gather(*(hall.client.post("/cards", json=b, headers=h) for b, h in requests))
    assert {answer.status_code for answer in again} == {201}
    assert {"idempotency-replayed" in answer.headers for answer in again} == {stands}
    assert await counts(hall) == (5, 5, 5, 5)


async def test_who_goes_away_takes_nobody_along(hall: Hall) -> None:
    async with slow_cards(hall):
        slow = asyncio.create_task(send(hall, "slow"))
        await eventually(lambda: waits(hall))
        leaving, staying = asyncio.create_task(send(hall, "leaving")), asyncio.create_task(send(hall, "staying"))
        for _ in range(200):
            await asyncio.sleep(0)
        leaving.cancel()
    assert [(await each).status_code for each in (slow, staying)] == [201, 201]
    assert (await send(hall, "after")).status_code == 201
    assert {words for (words,) in await hall.rows("select words from note")} == {"slow", "staying", "after"}


async def test_keys_are_looked_up_one_by_one_though_their_table_was_small_when_that_was_planned(hall: Hall) -> None:
    async with hall.database.engine.connect() as connection:
        await connection.execute(text("set local plan_cache_mode = force_generic_plan"))
        await connection.exec_driver_sql(f"prepare kept(text) as {TRY_HOLD}")
        plan = "\n".join((await connection.exec_driver_sql("explain execute kept('[]')")).scalars())
        await connection.exec_driver_sql("deallocate kept")
    assert "Index Scan using" in plan
    assert "Seq Scan" not in plan
