"""Fund lines and quotas of every agency, the province's too, as of a day."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from services.notifications.models import HEARD
from services.notifications.reading.scope import Scope
from services.notifications.rules.money import FundLineUse, ListUse, QuotaUse
from shared.events.fields import Unit
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    AidReturned,
    AidReversed,
    FundLineOpened,
    HouseholdWaitlisted,
    PaymentListSettled,
    PaymentListSubmitted,
    QuotaAllocated,
    SlotFilled,
    SlotReleased,
)
from shared.messaging import Session

LineKey = tuple[str, str]


async def fund_lines(session: Session, scope: Scope) -> list[FundLineUse]:
    """The fund lines that pay in a region, each with the figures of the whole line."""
    opened = await _latest(session, scope, FundLineOpened.type, "fund_line")
    realised = await _realised(session, scope)
    committed = await _committed(session, scope)
    lines: list[FundLineUse] = []
    for key, rows in opened.items():
        newest = max(rows, key=lambda row: (row.at, row.source, row.position)).body
        lines.append(
            FundLineUse(
                agency=key[0],
                fund_line=key[1],
                programmes=tuple(sorted({row.body["programme"] for row in rows})),
                region=newest["region"],
                fiscal_year=newest["fiscal_year"],
                source=newest["source"],
                ceiling_rupiah=newest["ceiling_rupiah"],
                committed_rupiah=committed[key],
                realised_rupiah=realised[key],
            )
        )
    return sorted(lines, key=lambda line: (line.agency, line.fund_line))


async def quotas(session: Session, scope: Scope) -> list[QuotaUse]:
    """The quotas of programmes in a region."""
    allocated = await _latest(session, scope, QuotaAllocated.type, "quota_id")
    counts = await _slot_facts(session, scope)
    waiting = await _waiting(session, scope)
    found: list[QuotaUse] = []
    for key, rows in allocated.items():
        newest = max(rows, key=lambda row: (row.at, row.source, row.position)).body
        found.append(
            QuotaUse(
                agency=key[0],
                programme=newest["programme"],
                quota_id=key[1],
                region=newest["region"],
                period=newest["period"],
                unit=Unit(newest["unit"]),
                places=newest["places"],
                filled=counts[*key, SlotFilled.type],
                released=counts[*key, SlotReleased.type],
                waiting_families=waiting[key],
            )
        )
    return sorted(found, key=lambda quota: (quota.agency, quota.programme, quota.region, quota.quota_id))


async def _latest(session: Session, scope: Scope, kind: str, column: str) -> dict[LineKey, list[Row[Any]]]:
    """Per agency and fund line or quota, the latest word under each programme."""
    newest = (
        select(
            HEARD.c.agency, HEARD.c.source, HEARD.c.at, HEARD.c.position, HEARD.c.body, HEARD.c[column].label("code")
        )
        .where(HEARD.c.type == kind, HEARD.c.household_id.is_(None), HEARD.c.at < scope.end)
        .where(scope.touches(HEARD.c.region))
        .order_by(HEARD.c.source, HEARD.c.key, HEARD.c[column], HEARD.c.position.desc())
        .ext(distinct_on(HEARD.c.source, HEARD.c.key, HEARD.c[column]))
    )
    found: dict[LineKey, list[Row[Any]]] = {}
    for row in await session.execute(newest):
        found.setdefault((row.agency, str(row.code)), []).append(row)
    return found


async def _realised(session: Session, scope: Scope) -> Counter[LineKey]:
    sums = select(HEARD.c.agency, HEARD.c.fund_line, HEARD.c.type, func.sum(HEARD.c.rupiah)).where(
        HEARD.c.fund_line.is_not(None),
        HEARD.c.type.in_([AidDisbursed.type, AidReturned.type, AidReversed.type]),
        HEARD.c.at < scope.end,
    )
    realised: Counter[LineKey] = Counter()
    for agency, line, kind, rupiah in await session.execute(
        sums.group_by(HEARD.c.agency, HEARD.c.fund_line, HEARD.c.type)
    ):
        realised[agency, line] += int(rupiah) if kind == AidDisbursed.type else -int(rupiah)
    return realised


async def _committed(session: Session, scope: Scope) -> Counter[LineKey]:
    """What payment lists hold back that were submitted and not settled."""
    payment_list = HEARD.c.body["payment_list_id"].astext
    kinds = [PaymentListSubmitted.type, PaymentListSettled.type, AidDisbursed.type, AidFailed.type]
    sums = (
        select(
            HEARD.c.agency, HEARD.c.fund_line, payment_list, HEARD.c.type, func.coalesce(func.sum(HEARD.c.rupiah), 0)
        )
        .where(HEARD.c.fund_line.is_not(None), HEARD.c.type.in_(kinds), HEARD.c.at < scope.end)
        .group_by(HEARD.c.agency, HEARD.c.fund_line, payment_list, HEARD.c.type)
    )
    lists: dict[tuple[str, str, str], dict[str, int]] = {}
    for agency, line, code, kind, rupiah in await session.execute(sums):
        lists.setdefault((agency, line, code), {})[kind] = int(rupiah)
    committed: Counter[LineKey] = Counter()
    for (agency, line, _), rupiah_of in lists.items():
        use = ListUse(
            rupiah=rupiah_of.get(PaymentListSubmitted.type, 0),
            paid_rupiah=rupiah_of.get(AidDisbursed.type, 0),
            failed_rupiah=rupiah_of.get(AidFailed.type, 0),
            settled=PaymentListSettled.type in rupiah_of,
        )
        committed[agency, line] += use.committed_rupiah
    return committed


async def _slot_facts(session: Session, scope: Scope) -> Counter[tuple[str, str, str]]:
    counts = (
        select(HEARD.c.agency, HEARD.c.quota_id, HEARD.c.type, func.count())
        .where(HEARD.c.quota_id.is_not(None), HEARD.c.type.in_([SlotFilled.type, SlotReleased.type]))
        .where(HEARD.c.at < scope.end)
        .group_by(HEARD.c.agency, HEARD.c.quota_id, HEARD.c.type)
    )
    return Counter({(agency, str(quota), kind): n for agency, quota, kind, n in await session.execute(counts)})


async def _waiting(session: Session, scope: Scope) -> Counter[LineKey]:
    """Families that were waitlisted and have had no place of that quota since."""
    filled = HEARD.alias("filled")
    has_place = exists().where(
        filled.c.key == HEARD.c.key,
        filled.c.agency == HEARD.c.agency,
        filled.c.quota_id == HEARD.c.quota_id,
        filled.c.type == SlotFilled.type,
        filled.c.at < scope.end,
    )
    counts = (
        select(HEARD.c.agency, HEARD.c.quota_id, func.count(HEARD.c.household_id.distinct()))
        .where(HEARD.c.quota_id.is_not(None), HEARD.c.type == HouseholdWaitlisted.type, HEARD.c.at < scope.end)
        .where(~has_place)
        .group_by(HEARD.c.agency, HEARD.c.quota_id)
    )
    return Counter({(agency, str(quota)): families for agency, quota, families in await session.execute(counts)})
