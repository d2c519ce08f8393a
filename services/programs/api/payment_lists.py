"""Payment lists: made by one person, decided by another with a decree, settled by the payer's result file."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, Response, UploadFile
from sqlalchemy import func, select
from sqlmodel import col

from services.programs.answers import (
    ExclusionAnswer,
    ExclusionPage,
    HeldAnswer,
    PaymentAnswer,
    PaymentListAnswer,
    PaymentPage,
    ResultsAnswer,
    reasons,
)
from services.programs.api.paging import Limit, cursor
from services.programs.api.who import Checker, Maker, Reader
from services.programs.bodies import ListDecisionSent, PaymentListSent
from services.programs.build_payment_list import begin, lock_list
from services.programs.decide_payment_list import approve, refuse, submit
from services.programs.load_programme import in_force
from services.programs.models import FundLineRow, Payment, PaymentExclusion, PaymentList, PaymentState
from services.programs.rules.named_list import Line, list_text
from services.programs.settle_payments import receive
from shared.events.fields import Decree
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1/payment-lists", route_class=EdgeRoute, tags=["payments"])


@router.post("", status_code=201)
async def make_payment_list(body: PaymentListSent, caller: Maker, session: SessionDep) -> PaymentListAnswer:
    """Build a list of who may be paid for a period. A long one is built in chunks: ask until its state is `draft`."""
    running = await in_force(session, body.programme)
    caller.require_region(running.programme.region)
    return await _answer(session, await begin(session, running, body.period, body.fund_line, caller.principal))


@router.get("/{payment_list_id}")
async def show_payment_list(payment_list_id: UUID, caller: Reader, session: SessionDep) -> PaymentListAnswer:
    """A list with its totals, the hash for its decree, and how many items stand in which state."""
    return await _answer(session, await _seen(session, payment_list_id, caller))


@router.get("/{payment_list_id}/items")
async def show_payments(
    payment_list_id: UUID,
    caller: Reader,
    session: SessionDep,
    state: PaymentState | None = None,
    after: Annotated[UUID | None, Query(description="Cursor: `next` of the page before.")] = None,
    limit: Limit = 100,
) -> PaymentPage:
    """The items of a list, with what other agencies gave when it was made."""
    await _seen(session, payment_list_id, caller)
    statement = select(Payment).where(col(Payment.payment_list_id) == payment_list_id)
    if state is not None:
        statement = statement.where(col(Payment.state) == state)
    if after is not None:
        statement = statement.where(col(Payment.payment_id) > after)
    rows = list((await session.execute(statement.order_by(col(Payment.payment_id)).limit(limit))).scalars())
    items = [
        PaymentAnswer(
            held_elsewhere=[HeldAnswer(**held) for held in row.held_elsewhere],
            **row.model_dump(include=set(PaymentAnswer.model_fields) - {"held_elsewhere"}),
        )
        for row in rows
    ]
    return PaymentPage(items=items, next=cursor([row.payment_id for row in rows], limit))


@router.get("/{payment_list_id}/exclusions")
async def show_exclusions(
    payment_list_id: UUID,
    caller: Reader,
    session: SessionDep,
    locale: LocaleDep,
    after: Annotated[UUID | None, Query(description="Cursor: `next` of the page before.")] = None,
    limit: Limit = 100,
) -> ExclusionPage:
    """Who was left out of a list, with every reason."""
    await _seen(session, payment_list_id, caller)
    statement = select(PaymentExclusion).where(col(PaymentExclusion.payment_list_id) == payment_list_id)
    if after is not None:
        statement = statement.where(col(PaymentExclusion.entitlement_id) > after)
    found = await session.execute(statement.order_by(col(PaymentExclusion.entitlement_id)).limit(limit))
    rows = list(found.scalars())
    items = [
        ExclusionAnswer(
            household_id=row.household_id,
            region=row.region,
            rupiah=row.rupiah,
            reasons=reasons(row.reasons, locale),
        )
        for row in rows
    ]
    return ExclusionPage(items=items, next=cursor([row.entitlement_id for row in rows], limit))


@router.get("/{payment_list_id}/named-list")
async def show_named_list(payment_list_id: UUID, caller: Reader, session: SessionDep) -> Response:
    """The list in the very form whose SHA-256 the decree carries; names are looked up in the register by id."""
    await _seen(session, payment_list_id, caller)
    rows = await session.execute(
        select(col(Payment.household_id), col(Payment.persons), col(Payment.rupiah)).where(
            col(Payment.payment_list_id) == payment_list_id
        )
    )
    content = list_text(Line(row.household_id, row.persons, row.rupiah) for row in rows)
    return Response(content, media_type="text/csv; charset=utf-8")


@router.get("/{payment_list_id}/order")
async def show_payment_order(payment_list_id: UUID, caller: Reader, session: SessionDep) -> Response:
    """What the payer is to pay, as CSV: the form that the result file answers."""
    await _seen(session, payment_list_id, caller)
    rows = await session.execute(
        select(col(Payment.payment_id), col(Payment.household_id), col(Payment.persons), col(Payment.rupiah))
        .where(col(Payment.payment_list_id) == payment_list_id, col(Payment.state) == PaymentState.COMMITTED)
        .order_by(col(Payment.payment_id))
    )
    lines = [f"{row.payment_id},{row.household_id},{row.persons},{row.rupiah}" for row in rows]
    content = "\n".join(["payment_id,household_id,persons,rupiah", *lines]) + "\n"
    return Response(content, media_type="text/csv; charset=utf-8")


@router.post("/{payment_list_id}/submission")
async def submit_payment_list(payment_list_id: UUID, caller: Maker, session: SessionDep) -> PaymentListAnswer:
    """Reserve the money and hand the list to the second person."""
    made = await lock_list(session, payment_list_id)
    caller.require_region(made.region)
    await submit(session, made, caller.principal)
    return await _answer(session, made)


@router.post("/{payment_list_id}/decision")
async def decide_payment_list(
    payment_list_id: UUID, body: ListDecisionSent, caller: Checker, session: SessionDep
) -> PaymentListAnswer:
    """Approve with a decree, or refuse. Approved money is committed and waits for the payer."""
    made = await lock_list(session, payment_list_id)
    caller.require_region(made.region)
    if body.decree is None:
        await refuse(session, made, caller.principal)
    else:
        await approve(session, made, Decree(**body.decree.model_dump()), caller.principal)
    return await _answer(session, made)


@router.post("/{payment_list_id}/results")
async def receive_results(
    payment_list_id: UUID, file: Annotated[UploadFile, File()], caller: Maker, session: SessionDep
) -> ResultsAnswer:
    """Take the payer's result file (`payment_id,status,reason,paid_on`); the same file again changes nothing."""
    made = await lock_list(session, payment_list_id)
    caller.require_region(made.region)
    received = await receive(session, made, _text(await file.read()), caller.principal)
    return ResultsAnswer(
        payment_list_id=payment_list_id,
        state=made.state,
        rows=received.rows,
        taken=received.taken,
        unchanged=received.unchanged,
        conflicts=received.conflicts[:100],
    )


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("result-file-not-text", status=422, field="file") from None


async def _seen(session: Session, payment_list_id: UUID, caller: Caller) -> PaymentList:
    made = await session.get(PaymentList, payment_list_id)
    if made is None:
        raise Problem("payment-list-not-found", status=404, field="payment_list_id")
    caller.require_region(made.region)
    return made


async def _answer(session: Session, made: PaymentList) -> PaymentListAnswer:
    line = await session.get_one(FundLineRow, made.fund_line_id)
    excluded = await session.execute(
        select(func.count()).where(col(PaymentExclusion.payment_list_id) == made.payment_list_id)
    )
    states = await session.execute(
        select(col(Payment.state), func.count())
        .where(col(Payment.payment_list_id) == made.payment_list_id)
        .group_by(col(Payment.state))
    )
    return PaymentListAnswer.of(
        made,
        fund_line=line.code,
        excluded=excluded.scalar_one(),
        by_state={state: count for state, count in states},  # noqa: C416 - a row is no pair for mypy
    )
