"""What time does: once a day old verifications expire, left cases find officers, and overdue visits are counted."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlmodel import col, select

from services.verification.models import Case
from services.verification.moment import Moment, moment_of, settings_of
from services.verification.open_cases import next_round, open_cases
from services.verification.rules.sharing import region_id
from services.verification.rules.states import TO_VISIT, CaseState
from services.verification.share_cases import share_proposed_cases
from shared.deployment import Deployment, deployment_of_session
from shared.events.verification import VerificationExpired, VisitsOverdue
from shared.messaging import Due, Session, TimerRouter, announce, schedule

timers = TimerRouter(service="verification")

DAILY_ROUND = "daily-round"
EXPIRED_AT_ONCE_MAX = 500
EXPIRY = "verifications-expire"


@timers.due(DAILY_ROUND)
async def make_daily_round(due: Due, session: Session) -> None:
    """The round of a day; several missed days make one round, because only the present counts."""
    moment = moment_of(session)
    await share_proposed_cases(session, deployment_of_session(session).settings.region)
    await announce_overdue(session, moment)
    await schedule(session, EXPIRY, moment.now, due.key)
    await schedule_daily_round(session)


@timers.due(EXPIRY)
async def expire_verifications(due: Due, session: Session) -> None:
    """Verifications past their last day expire, and their households get a case in the next round."""
    moment = moment_of(session)
    query = (
        select(Case)
        .where(col(Case.state) == CaseState.VERIFIED, col(Case.valid_until) < moment.today)
        .order_by(col(Case.valid_until), col(Case.id))
        .limit(EXPIRED_AT_ONCE_MAX)
        .with_for_update(skip_locked=True)
    )
    cases = (await session.exec(query)).all()
    for case in cases:
        case.state = CaseState.EXPIRED
        announce(
            session,
            VerificationExpired(
                case_id=case.id,
                household_id=case.household_id,
                region=case.region,
                round=case.round,
                expired_on=(case.valid_until or moment.today) + timedelta(days=1),
            ),
        )
    await session.flush()
    await open_cases(session, [next_round(case, "expired") for case in cases])
    if len(cases) == EXPIRED_AT_ONCE_MAX:
        await schedule(session, EXPIRY, moment.now, due.key)


async def announce_overdue(session: Session, moment: Moment) -> None:
    """Say of each kelurahan with overdue visits how many there are: once a day."""
    values = {"today": moment.today, "to_visit": sorted(TO_VISIT)}
    agency = deployment_of_session(session).agency
    for row in await session.execute(_OVERDUE, values):
        announce(
            session,
            VisitsOverdue(
                region_id=region_id(row.region),
                region=row.region,
                counted_on=moment.today,
                households=row.households,
                agency=agency,
            ),
        )


async def schedule_daily_round(session: Session) -> None:
    """Have the next daily round fall due. Keyed by its day, so that asking again never puts it off.

    The start and each round ask for it. Whoever opens cases does not: all workers would wait for that one row.
    """
    moment = moment_of(session)
    at = moment.next_at(settings_of(session).daily_round_hour)
    await schedule(session, DAILY_ROUND, at, at.date().isoformat())


async def start(deployment: Deployment) -> None:
    """Have the daily round fall due, also in a deployment that was stopped for long."""
    async with deployment.sessions() as session:
        await schedule_daily_round(session)
        await deployment.kernel.commit(session)


_OVERDUE = text(
    """
    insert into overdue_notice (region, counted_on, households)
    select region, :today, count(*) from verification_case
    where state = any(cast(:to_visit as text[])) and visit_due_on < :today
    group by region
    order by region
    on conflict do nothing
    returning region, households
    """
)
