"""Builds a payment list: an item per household that may be paid now, and a coded reason for each that may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.load_programme import Running, in_force
from services.programs.look_at import Looked, look_at
from services.programs.models import (
    Enrolment,
    Entitlement,
    EntitlementState,
    FundLineRow,
    ListState,
    Payment,
    PaymentExclusion,
    PaymentList,
    PaymentState,
)
from services.programs.moment import now, own_agency
from services.programs.propose_enrolments import as_kept
from services.programs.rules.decision import Decision, Reason
from services.programs.rules.eligibility import may_be_paid
from services.programs.rules.household import HeldStatus
from services.programs.rules.named_list import Line, list_text, sha256_of
from services.programs.rules.programme import Programme
from shared.messaging import Session, current_cause, schedule
from shared.problem import Problem

CHUNK = 500
TIMER = "payment-list-chunk"
_OPEN = (EntitlementState.OPEN, EntitlementState.RESERVED)
_UNDER_WAY = (PaymentState.RESERVED, PaymentState.COMMITTED)


async def begin(session: Session, running: Running, period: str, fund_line: str | None, by: str) -> PaymentList:
    """Start a list for a period of a programme, from one of its lines, and build its first chunk.

    What older versions promised from another line is paid from that line, on a list of its own.
    """
    programme = running.programme
    if period not in programme.benefit.periods:
        periods = ", ".join(programme.benefit.periods)
        raise Problem("period-unknown", status=422, field="period", periods=periods)
    made = PaymentList(
        payment_list_id=uuid7(),
        programme_id=running.programme_id,
        programme=programme.code,
        region=programme.region,
        period=period,
        fund_line_id=await _line_of(session, running, fund_line),
        state=ListState.BUILDING,
        made_by=by,
        made_at=now(session),
        correlation_id=current_cause().correlation_id,
    )
    session.add(made)
    await session.flush()
    await build_chunk(session, made.payment_list_id)
    return made


async def _line_of(session: Session, running: Running, code: str | None) -> UUID:
    if code is None:
        return running.fund_line_id
    found = await session.execute(
        select(col(FundLineRow.fund_line_id)).where(
            col(FundLineRow.programme_id) == running.programme_id, col(FundLineRow.code) == code
        )
    )
    fund_line_id: UUID | None = found.scalar_one_or_none()
    if fund_line_id is None:
        raise Problem("fund-line-not-found", status=404, field="fund_line", line=code)
    return fund_line_id


async def lock_list(session: Session, payment_list_id: UUID) -> PaymentList:
    """The list as it is now. Raises 404."""
    found = await session.execute(
        select(PaymentList)
        .where(col(PaymentList.payment_list_id) == payment_list_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    made: PaymentList | None = found.scalar_one_or_none()
    if made is None:
        raise Problem("payment-list-not-found", status=404, field="payment_list_id")
    return made


async def build_chunk(session: Session, payment_list_id: UUID) -> None:
    """Look at the next entitlements; goes on by a timer until all were looked at, then the list is a draft."""
    made = await lock_list(session, payment_list_id)
    if made.state != ListState.BUILDING:
        return
    running = await in_force(session, made.programme)
    rows = await _unlisted(session, made)
    if rows:
        await _list(session, running, made, rows)
    if len(rows) == CHUNK:
        await schedule(session, TIMER, now(session), str(payment_list_id))
        return
    await _draft(session, made)


async def _unlisted(session: Session, made: PaymentList) -> list[tuple[Entitlement, Enrolment]]:
    """Entitlements nobody has paid or is paying, in the order in which they were issued: the order of rank."""
    listed = exists().where(
        col(Payment.entitlement_id) == col(Entitlement.entitlement_id),
        (col(Payment.payment_list_id) == made.payment_list_id) | col(Payment.state).in_(_UNDER_WAY),
    )
    excluded = exists().where(
        col(PaymentExclusion.entitlement_id) == col(Entitlement.entitlement_id),
        col(PaymentExclusion.payment_list_id) == made.payment_list_id,
    )
    found = await session.execute(
        select(Entitlement, Enrolment)
        .join(Enrolment, col(Enrolment.enrolment_id) == col(Entitlement.enrolment_id))
        .where(
            col(Entitlement.programme_id) == made.programme_id,
            col(Entitlement.fund_line_id) == made.fund_line_id,
            col(Entitlement.period) == made.period,
            col(Entitlement.state).in_(_OPEN),
            col(Enrolment.status).in_((HeldStatus.ACTIVE, HeldStatus.SUSPENDED)),
            ~listed,
            ~excluded,
        )
        .order_by(col(Entitlement.entitlement_id))
        .limit(CHUNK)
    )
    return [(entitlement, enrolment) for entitlement, enrolment in found]


async def _list(
    session: Session, running: Running, made: PaymentList, rows: Sequence[tuple[Entitlement, Enrolment]]
) -> None:
    looked = await look_at(session, [enrolment.household_id for _, enrolment in rows])
    left = await _left(session, made)
    line = await session.get_one(FundLineRow, made.fund_line_id)
    items: list[dict[str, Any]] = []
    exclusions: list[dict[str, Any]] = []
    for entitlement, enrolment in rows:
        members, rupiah = _due(running.programme, entitlement, enrolment, looked.get(enrolment.household_id))
        needed = 0 if entitlement.state == EntitlementState.RESERVED else rupiah
        decision = may_pay(running.programme, enrolment, looked.get(enrolment.household_id))
        if decision.allowed and needed > left:
            short = Reason("fund-line-exhausted", {"line": line.code, "asked": needed, "left": left})
            decision = Decision.of(short)
        of = {
            "payment_list_id": made.payment_list_id,
            "entitlement_id": entitlement.entitlement_id,
            "household_id": enrolment.household_id,
            "region": enrolment.region,
            "rupiah": rupiah or entitlement.rupiah,
        }
        if decision.allowed:
            left -= needed
            items.append(of | _item(session, enrolment, members, looked[enrolment.household_id]))
        else:
            exclusions.append(of | {"reasons": as_kept(decision)})
    if items:
        await session.execute(insert(Payment), items)
    if exclusions:
        await session.execute(insert(PaymentExclusion), exclusions)


def may_pay(programme: Programme, enrolment: Enrolment, looked: Looked | None) -> Decision:
    """What is asked before an item is listed, and again before it is approved."""
    if looked is None:
        return Decision.of(Reason("household-unknown"))
    rests = Reason("enrolment-suspended") if enrolment.status == HeldStatus.SUSPENDED else None
    over = Reason("enrolment-over") if enrolment.status not in (HeldStatus.ACTIVE, HeldStatus.SUSPENDED) else None
    decision = may_be_paid(programme, looked.household, looked.held)
    return Decision.of(rests, over, decision.reasons)


def _due(
    programme: Programme, entitlement: Entitlement, enrolment: Enrolment, looked: Looked | None
) -> tuple[list[str], int]:
    """For whom and how much: per person, only those who are still confirmed; never more than was promised."""
    if looked is None or programme.benefit.per != "person" or entitlement.state == EntitlementState.RESERVED:
        return enrolment.members, entitlement.rupiah
    confirmed = {str(member) for member in looked.household.beneficiaries(programme.cohort)}
    members = [member for member in entitlement.members if member in confirmed]
    per_person = entitlement.rupiah // max(1, len(entitlement.members))
    return members, len(members) * per_person


def _item(session: Session, enrolment: Enrolment, members: list[str], looked: Looked) -> dict[str, Any]:
    return {
        "payment_id": uuid7(),
        "enrolment_id": enrolment.enrolment_id,
        "members": members,
        "persons": len(members),
        "state": PaymentState.LISTED,
        "returned_rupiah": 0,
        "held_elsewhere": looked.held_elsewhere(own_agency(session)),
    }


async def _left(session: Session, made: PaymentList) -> int:
    """What the fund line has available, less what this list already wants of it."""
    line = await session.get_one(FundLineRow, made.fund_line_id, populate_existing=True)
    wanted = await session.execute(
        select(func.coalesce(func.sum(col(Payment.rupiah)), 0))
        .join(Entitlement, col(Entitlement.entitlement_id) == col(Payment.entitlement_id))
        .where(col(Payment.payment_list_id) == made.payment_list_id, col(Entitlement.state) == EntitlementState.OPEN)
    )
    return line.available - int(wanted.scalar_one())


async def _draft(session: Session, made: PaymentList) -> None:
    """All were looked at: the list has its totals and the hash that its decree will carry."""
    rows = await session.execute(
        select(col(Payment.household_id), col(Payment.persons), col(Payment.rupiah)).where(
            col(Payment.payment_list_id) == made.payment_list_id
        )
    )
    lines = [Line(row.household_id, row.persons, row.rupiah) for row in rows]
    made.families = len(lines)
    made.persons = sum(line.persons for line in lines)
    made.rupiah = sum(line.rupiah for line in lines)
    made.list_sha256 = sha256_of(list_text(lines))
    made.state = ListState.DRAFT
    await session.flush()
