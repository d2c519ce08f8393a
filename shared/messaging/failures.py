"""The kinds of failure, and what each entails."""

from __future__ import annotations

import socket

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

INFRASTRUCTURE_SQLSTATES = ("08", "40", "53", "55P03", "57")
"""Connection, conflict, resources, lock, operator: PostgreSQL will be able to do it later."""


class ContractBroken(Exception):
    """An event was announced that its contract does not allow. The mistake is where it was announced."""


class ProjectionMayNotAct(Exception):
    """A projection tried to announce or to schedule. It is replayed, so it may only write read tables."""


class ConsumerStopped(Exception):
    """Too many records failed one after another: the bug is in this service, so nothing more is parked."""


class StartRefused(Exception):
    """A worker cannot know from where to go on and asks its operator. The sentence says what to state."""


class MarkTaken(Exception):
    """Another worker has heard the first records of the same key meanwhile. They are heard again, as repeated."""


def is_infrastructure(error: BaseException) -> bool:
    """Whether waiting may help: such a failure is never parked."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig.__cause__ if error.orig is not None else None
        return _waits(getattr(error.orig, "sqlstate", None)) or _lost_connection(cause)
    if isinstance(error, asyncpg.PostgresError):
        return _waits(error.sqlstate)
    return isinstance(error, (KafkaError, PoolTimeout, MarkTaken)) or _lost_connection(error)


def place_of(error: BaseException) -> str:
    """Where an error was raised, ``module:line``: what may be logged of it, since its message may hold values."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _lost_connection(error: BaseException | None) -> bool:
    """The network's errors, and asyncpg's of a connection that is gone; not a missing file, nor a value it refuses."""
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg tells a value of the wrong type or size by an error that is both: that is a bug of ours.
        return not isinstance(error, ValueError)
    return type(error) is OSError or isinstance(error, (ConnectionError, TimeoutError, socket.gaierror))


def _waits(sqlstate: str | None) -> bool:
    return sqlstate is not None and sqlstate.startswith(INFRASTRUCTURE_SQLSTATES)
