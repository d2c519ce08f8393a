"""Issues what enrolments are entitled to, takes it back, and says when a fund line has not enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, String, func, insert, literal, select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.among import among
from services.programs.load_programme import Running
from services.programs.models import (
    Enrolment,
    Entitlement,
    EntitlementState,
    FundLineRow,
    Payment,
    PaymentState,
)
from services.programs.moment import today
from services.programs.move_money import Item, may_move, must_move
from services.programs.rules.entitlement import Entitled
from services.programs.rules.household import HeldStatus
from services.programs.rules.ledger import Move
from shared.events.programs import FundLineExhausted
from shared.messaging import Session, announce
from shared.problem import Problem

OVER = (EntitlementState.VOID, EntitlementState.REVERSED)
"""Worth nothing any more; a new one may take its place."""
PAID_OR_UNDER_WAY = (PaymentState.RESERVED, PaymentState.COMMITTED, PaymentState.PAID, PaymentState.RETURNED)


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who is to be entitled, under the id its enrolment has or will have."""

    enrolment_id: UUID
    household_id: UUID
    entitled: Entitled


async def entitle(session: Session, running: Running, claimants: Sequence[Claimant], by: str) -> bool:
    """Issue an entitlement per claimant and period; reserve its money where the programme reserves with the place.

    Nobody is entitled twice for a period: not a household that enters anew, and where persons are counted not a person
    who was paid in another household.

    Returns:
        False where the fund line has not enough for all of them; then nothing was issued.
    """
    reserves = running.reserves_at_enrolment
    current = await _current(session, running.programme_id, [claimant.household_id for claimant in claimants])
    persons = running.programme.benefit.per == "person"
    paid = await _paid_members(session, running, claimants) if persons else {}
    rows = [
        {
            "entitlement_id": uuid7(),
            "enrolment_id": claimant.enrolment_id,
            "programme_id": running.programme_id,
            "household_id": claimant.household_id,
            "period": period,
            "fund_line_id": running.fund_line_id,
            "rupiah": due.rupiah,
            "members": [str(member) for member in due.members],
            "state": EntitlementState.RESERVED if reserves else EntitlementState.OPEN,
        }
        for claimant in claimants
        for period in running.programme.benefit.periods
        if (claimant.household_id, period) not in current
        and (due := claimant.entitled.without(paid.get(period, frozenset()))).rupiah
    ]
    if not rows:
        return True
    if reserves:
        items = [Item(int(str(row["rupiah"])), UUID(str(row["entitlement_id"]))) for row in rows]
        if not await may_move(session, running.fund_line_id, Move.RESERVE, items, reason="enrolment", by=by):
            return False
    await session.execute(insert(Entitlement), rows)
    return True


async def _current(session: Session, programme_id: UUID, household_ids: Iterable[UUID]) -> set[tuple[UUID, str]]:
    """Which of these households have an entitlement for which period, through whichever enrolment."""
    found = await session.execute(
        select(col(Entitlement.household_id), col(Entitlement.period)).where(
            col(Entitlement.programme_id) == programme_id,
            among(col(Entitlement.household_id), household_ids),
            col(Entitlement.state).not_in(OVER),
        )
    )
    return {(household_id, period) for household_id, period in found}


async def _paid_members(
    session: Session, running: Running, claimants: Sequence[Claimant]
) -> dict[str, frozenset[UUID]]:
    """Period → who was paid or is being paid, in whichever household."""
    asked = {str(member) for claimant in claimants for member in claimant.entitled.members}
    found = await session.execute(
        select(col(Entitlement.period), col(Payment.members))
        .join(Payment, col(Payment.entitlement_id) == col(Entitlement.entitlement_id))
        .where(
            col(Entitlement.programme_id) == running.programme_id,
            col(Payment.state).in_(PAID_OR_UNDER_WAY),
            col(Payment.members).op("?|")(literal(sorted(asked), ARRAY(String()))),
        )
    )
    paid: defaultdict[str, set[UUID]] = defaultdict(set)
    for period, members in found:
        paid[period].update(map(UUID, members))
    return {period: frozenset(members) for period, members in paid.items()}


async def take_back_unpaid(session: Session, enrolment_ids: Iterable[UUID], *, reason: str, by: str) -> int:
    """Void what these (locked) enrolments were entitled to and what nobody has paid.

    Returns:
        The rupiah that were reserved and are available again.

    Raises:
        Problem: 409 where a list that is submitted or with the payer holds the money; whoever settles or refuses the
            list moves it, and it moves once.
    """
    enrolment_ids = list(enrolment_ids)
    await _require_none_under_way(session, enrolment_ids)
    found = await session.execute(
        select(Entitlement)
        .where(
            among(col(Entitlement.enrolment_id), enrolment_ids),
            col(Entitlement.state).in_((EntitlementState.OPEN, EntitlementState.RESERVED)),
        )
        .order_by(col(Entitlement.entitlement_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    unpaid = list(found.scalars())
    reserved = [each for each in unpaid if each.state == EntitlementState.RESERVED]
    for fund_line_id in sorted({each.fund_line_id for each in reserved}):
        items = [Item(each.rupiah, each.entitlement_id) for each in reserved if each.fund_line_id == fund_line_id]
        await must_move(session, fund_line_id, Move.RELEASE, items, reason=reason, by=by)
    for each in unpaid:
        each.state = EntitlementState.VOID
    await session.flush()
    return sum(each.rupiah for each in reserved)


async def _require_none_under_way(session: Session, enrolment_ids: Sequence[UUID]) -> None:
    under_way = await session.execute(
        select(col(Payment.payment_id))
        .where(
            among(col(Payment.enrolment_id), enrolment_ids),
            col(Payment.state).in_((PaymentState.RESERVED, PaymentState.COMMITTED)),
        )
        .limit(1)
    )
    if under_way.first() is not None:
        raise Problem("payment-under-way", status=409)


async def entitle_again(session: Session, enrolment: Enrolment) -> None:
    """Issue anew what was voided or reversed for a household that takes part: an entitlement is paid once, ever.

    What was promised to it through an earlier enrolment of the programme counts as well.
    """
    found = await session.execute(
        select(Entitlement)
        .where(
            col(Entitlement.programme_id) == enrolment.programme_id,
            col(Entitlement.household_id) == enrolment.household_id,
            col(Entitlement.state).in_(OVER),
        )
        .order_by(col(Entitlement.entitlement_id))
        .execution_options(populate_existing=True)
    )
    current = await _current(session, enrolment.programme_id, [enrolment.household_id])
    for period, last in {each.period: each for each in found.scalars()}.items():
        if (enrolment.household_id, period) not in current:
            session.add(
                Entitlement(
                    entitlement_id=uuid7(),
                    enrolment_id=enrolment.enrolment_id,
                    programme_id=last.programme_id,
                    household_id=last.household_id,
                    period=period,
                    fund_line_id=last.fund_line_id,
                    rupiah=last.rupiah,
                    members=last.members,
                )
            )
    await session.flush()


async def left_to_promise(session: Session, line: FundLineRow) -> int:
    """What a fund line can still give: what nobody reserved, less what live enrolments may claim unreserved."""
    promised = await session.execute(
        select(func.coalesce(func.sum(col(Entitlement.rupiah)), 0))
        .join(Enrolment, col(Enrolment.enrolment_id) == col(Entitlement.enrolment_id))
        .where(
            col(Entitlement.fund_line_id) == line.fund_line_id,
            col(Entitlement.state) == EntitlementState.OPEN,
            col(Enrolment.status).in_((HeldStatus.ACTIVE, HeldStatus.SUSPENDED)),
        )
    )
    return max(0, line.available - int(promised.scalar_one()))


def tell_exhausted(session: Session, running: Running, line: FundLineRow, *, asked: int, left: int) -> None:
    """A reservation was refused: say on which line, how much was asked and how much was there."""
    announce(
        session,
        FundLineExhausted(
            programme_id=running.programme_id,
            programme=running.programme.code,
            region=line.region,
            fund_line=line.code,
            asked_rupiah=asked,
            available_rupiah=left,
            refused_on=today(session),
        ),
    )
