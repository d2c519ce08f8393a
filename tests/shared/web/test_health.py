"""Health: alive without anything, ready with everything, figures without people."""

import asyncio
import re
from pathlib import Path

import pytest
from prometheus_client import Counter

from shared.web import health
from tests.fixtures import DatabaseFactory
from tests.shared.web.hall import Hall, open_hall


async def test_a_process_lives_whatever_else_does_not(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dead() -> dict[str, str | None]:
        return {"database": "refused", "kafka": None}

    monkeypatch.setattr(hall.deployment, "health", dead)
    assert (await hall.client.get("/livez")).json() == {"status": "alive"}
    answer = await hall.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not-ready", "parts": {"database": "refused", "kafka": "ok"}}


async def test_it_is_ready_when_every_part_works(hall: Hall) -> None:
    answer = await hall.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["parts"]["database"] == "ok"


async def test_a_directory_that_was_not_taken_is_told(database: DatabaseFactory, tmp_path: Path) -> None:
    """The last good reading goes on to count; whoever replaced the file learns that the new one does not."""
    path = tmp_path / "agencies.yaml"
    good = Path("local/agencies.yaml").read_text(encoding="utf-8")
    path.write_text(good, encoding="utf-8")
    empty = await database("intake", migrated=False)
    async with open_hall(empty, tmp_path, directory_file=path) as hall:
        replace(path, "agencies: {}\nagencies: {}\n")
        answer = await hall.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
        assert "'agencies' stands twice" in answer.json()["parts"]["directory"]
        replace(path, good)
        answer = await hall.client.get("/readyz")
        assert (answer.status_code, answer.json()["parts"]["directory"]) == (200, "ok")


async def test_without_kafka_requests_are_served_and_it_says_that_it_is_degraded(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alone() -> dict[str, str | None]:
        return {"database": None, "directory": None, "consumer": "no partition is being polled", "relay": None}

    monkeypatch.setattr(hall.deployment, "health", alone)
    answer, balancers = await hall.client.get("/readyz"), await hall.client.get("/readyz?for=requests")
    assert (answer.status_code, balancers.status_code) == (503, 200)
    assert answer.json() == balancers.json()
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"]["consumer"] == "no partition is being polled"


@pytest.mark.parametrize("whatfor", ["all", "requests"])
async def test_without_its_database_nobody_is_sent_to_it(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, whatfor: str
) -> None:
    async def mute() -> dict[str, str | None]:
        return {"database": "refused", "consumer": "no partition is being polled"}

    monkeypatch.setattr(hall.deployment, "health", mute)
    answer = await hall.client.get(f"/readyz?for={whatfor}")
    assert (answer.status_code, answer.json()["status"]) == (503, "not-ready")


def replace(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


async def test_a_part_that_hangs_is_not_ready(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> dict[str, str | None]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(health, "HEALTH_TIMEOUT_S", 0.01)
    monkeypatch.setattr(hall.deployment, "health", hang)
    assert (await hall.client.get("/readyz")).status_code == 503


async def test_metrics_are_those_of_this_deployment(hall: Hall) -> None:
    Counter("hall_visits", "Visits to the hall.", registry=hall.deployment.registry).inc()
    answer = await hall.client.get("/metrics")
    assert "hall_visits_total 1.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_requests_are_counted_by_route_and_never_by_what_was_asked_for(hall: Hall) -> None:
    visitor = "3f1c5a52-77aa-4f0e-9d54-6f2f0c1f9b11"
    assert (await hall.client.get("/livez")).status_code == 200
    assert (await hall.client.get(f"/nowhere/{visitor}")).status_code == 404
    text = (await hall.client.get("/metrics")).text
    assert 'tuntas_http_seconds_count{method="GET",route="/livez",status="200"} 1.0' in text
    assert 'tuntas_http_seconds_count{method="any",route="none",status="404"} 1.0' in text
    assert visitor not in text
    assert 'tuntas_database_connections{pool="requests"} 0.0' in text
    assert not re.search(r"\d\.\d{13}", text), "fractions so long look like id numbers"
