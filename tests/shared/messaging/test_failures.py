"""What may pass by waiting, and what is a bug."""

from __future__ import annotations

import re
import socket

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.messaging.failures import is_infrastructure, place_of
from tests.fixtures import DatabaseFactory


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (socket.gaierror(), True),
        (OSError("Multiple exceptions: connection refused"), True),
        (KafkaConnectionError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.DeadlockDetectedError("deadlock"), True),
        (asyncpg.LockNotAvailableError("lock"), True),
        (asyncpg.DiskFullError("disk"), True),
        (asyncpg.AdminShutdownError("stop"), True),
        (asyncpg.UniqueViolationError("unique"), False),
        (FileNotFoundError(), False),
        (PermissionError(), False),
        (ValueError(), False),
        (KeyError(), False),
    ],
)
def test_only_what_may_pass_by_waits(error: Exception, waits: bool) -> None:
    assert is_infrastructure(error) is waits


@pytest.mark.parametrize(
    ("statement", "value"), [("select cast(:x as int)", 2**40), ("select cast(:x as uuid)", 7), ("select 1 / :x", 0)]
)
async def test_a_value_the_database_refuses_is_a_bug(database: DatabaseFactory, statement: str, value: object) -> None:
    one = await database("verification")
    async with one.engine.connect() as connection:
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(text(statement), {"x": value})
    assert not is_infrastructure(raised.value)


async def test_a_server_that_ends_our_session_is_waited_for(database: DatabaseFactory) -> None:
    one = await database("verification")
    async with one.engine.connect() as connection:
        pid = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
        async with one.engine.connect() as other:
            await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(text("select 1"))
        assert is_infrastructure(raised.value)


def test_of_an_error_its_place_is_told_and_not_its_message() -> None:
    with pytest.raises(ValueError, match="6472") as failed:
        int("6472010101010001 of somebody")
    assert re.fullmatch(rf"{re.escape(__name__)}:\d+", place_of(failed.value))
    assert place_of(ValueError("never raised")) == ""
