"""Time in: offers that expire, and long work that goes on chunk by chunk."""

from __future__ import annotations

from uuid import UUID

from services.programs.answer_offer import expire
from services.programs.build_payment_list import TIMER as PAYMENT_LIST_CHUNK
from services.programs.build_payment_list import build_chunk
from services.programs.decide_proposal import TIMER as ENROL_CHUNK
from services.programs.decide_proposal import enrol_chunk, lock_proposal
from services.programs.freeze_waitlist import TIMER as WAITLIST_CHUNK
from services.programs.freeze_waitlist import announce_chunk
from services.programs.offer_slot import TIMER as OFFER_EXPIRES
from services.programs.settle_payments import TIMER as SETTLE_CHUNK
from services.programs.settle_payments import settle_chunk
from shared.messaging import Due, Session, TimerRouter

timers = TimerRouter(service="programs")


@timers.due(OFFER_EXPIRES)
async def expire_offer(due: Due, session: Session) -> None:
    await expire(session, UUID(due.key))


@timers.due(ENROL_CHUNK)
async def enrol_next(due: Due, session: Session) -> None:
    await enrol_chunk(session, await lock_proposal(session, UUID(due.key)))


@timers.due(WAITLIST_CHUNK)
async def announce_next(due: Due, session: Session) -> None:
    await announce_chunk(session, UUID(due.key))


@timers.due(PAYMENT_LIST_CHUNK)
async def list_next(due: Due, session: Session) -> None:
    await build_chunk(session, UUID(due.key))


@timers.due(SETTLE_CHUNK)
async def settle_next(due: Due, session: Session) -> None:
    await settle_chunk(session, UUID(due.key))
