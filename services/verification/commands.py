"""What reconcile asks of verification: two people on each decision, one open case each, a fact for each thing done."""

from __future__ import annotations

from sqlalchemy import TextClause, text
from sqlmodel import select

from services.verification.models import OverdueNotice
from services.verification.models.metadata import one_of
from services.verification.rules.sharing import region_id
from services.verification.rules.states import OPEN
from shared.messaging import Session
from shared.service import Check, Counted, Finding


async def each_decided_case_has_two_people(session: Session) -> list[Finding]:
    """A case that ended with a decision rests on a visit by one person and a decision by another."""
    found = await _count(session, _WITHOUT_TWO_PEOPLE)
    return [Finding("unexplained", found, "verification_case: decided without two people")] if found else []


async def each_household_has_one_open_case(session: Session) -> list[Finding]:
    """Nobody is visited for two cases at once."""
    found = await _count(session, _OPEN_TWICE)
    return [Finding("twice", found, "verification_case: households with two open cases")] if found else []


async def facts_of_households(session: Session) -> list[Counted]:
    """Openings, visits, decisions, revocations and expiries of a household are as many as the facts about it."""
    return [Counted(row.key, row.done, row.numbers) for row in await session.execute(_FACTS)]


async def each_overdue_notice_has_its_fact(session: Session) -> list[Finding]:
    """As many facts about a kelurahan as days on which its visits were overdue."""
    regions = list(await session.exec(select(OverdueNotice.region)))
    wanted = {region: regions.count(region) for region in sorted(set(regions))}
    said = {row.key: row.last_sequence for row in await session.execute(_SAID, {"keys": _keys(wanted)})}
    missing = sum(max(0, days - said.get(_key(region), 0)) for region, days in wanted.items())
    return [Finding("lost", missing, "facts about overdue visits against overdue_notice")] if missing else []


CHECKS: tuple[Check, ...] = (
    each_decided_case_has_two_people,
    each_household_has_one_open_case,
    each_overdue_notice_has_its_fact,
)


async def _count(session: Session, query: TextClause) -> int:
    found: int = (await session.execute(query)).scalar_one()
    return found


def _key(region: str) -> bytes:
    return str(region_id(region)).encode()


def _keys(regions: dict[str, int]) -> list[bytes]:
    return [_key(region) for region in regions]


_WITHOUT_TWO_PEOPLE = text(
    """
    select count(*) from verification_case as decided
    left join decision on decision.id = decided.decision_id and decision.case_id = decided.id
    left join visit on visit.id = decision.visit_id
    where decided.state in ('verified', 'rejected', 'revoked', 'expired')
        and (visit.visited_by is null or visit.visited_by = decision.decided_by)
    """
)
_OPEN_TWICE = text(
    f"""
    select count(*) from (
        select household_id from verification_case where {one_of("state", sorted(OPEN))}
        group by household_id having count(*) > 1
    ) as twice
    """
)
# Every fact that is not about a region has a household as its key; its number counts them, in all their versions.
_FACTS = text(
    """
    with done as (
        select household_id, count(*) + count(*) filter (where state = 'expired') as things
        from verification_case group by household_id
        union all
        select household_id, count(*) from visit group by household_id
        union all
        select household_id, count(*) + count(revoked_at) from decision where kind <> 'returned' group by household_id
    ), per_household as (
        select household_id, sum(things) as things from done group by household_id
    )
    select
        convert_to(sum_of.household_id::text, 'UTF8') as key, sum_of.things::bigint as done,
        coalesce(announced.last_sequence, 0) as numbers
    from per_household as sum_of
    left join kernel.announced on announced.key = convert_to(sum_of.household_id::text, 'UTF8')
    where coalesce(announced.last_sequence, 0) <> sum_of.things
    """
)
_SAID = text("select key, last_sequence from kernel.announced where key = any(cast(:keys as bytea[]))")
