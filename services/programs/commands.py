"""What reconcile asks of programs: money against its journal and its facts, places against who holds them."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import TextClause, func, select, text
from sqlmodel import col

from services.programs.models import FundLineRow, Transfer
from services.programs.moment import own_agency
from services.programs.move_money import balances
from services.programs.rules.ledger import Move, balances_of
from shared.deployment import deployment_of_session
from shared.events.topics import fact_topic
from shared.messaging import Session
from shared.service import Check, Finding


async def fund_lines_equal_their_journal(session: Session) -> list[Finding]:
    """The accounts of each line are what its transfers add up to, and together no more than was granted."""
    journal: defaultdict[object, list[tuple[Move, int]]] = defaultdict(list)
    sums = await session.execute(
        select(col(Transfer.fund_line_id), col(Transfer.move), func.sum(col(Transfer.rupiah))).group_by(
            col(Transfer.fund_line_id), col(Transfer.move)
        )
    )
    for fund_line_id, move, rupiah in sums:
        journal[fund_line_id].append((Move(move), int(rupiah)))
    findings: list[Finding] = []
    for line in (await session.execute(select(FundLineRow))).scalars():
        booked, kept = balances_of(journal[line.fund_line_id]), balances(line)
        over = max(0, booked.ceiling - booked.available - line.ceiling_rupiah)
        findings.append(Finding("overspent_rupiah", over, f"fund line {line.code}: beyond its ceiling"))
        findings.append(Finding("unexplained", int(booked != kept), f"fund line {line.code}: differs from its journal"))
    return [each for each in findings if each.count]


async def money_equals_its_claims(session: Session) -> list[Finding]:
    """What a line has reserved, committed, paid and taken back is what entitlements and payments stand for."""
    rows = await session.execute(_CLAIMED)
    return [
        Finding("unexplained", 1, f"fund line {row.code}: {account} differs from what claims it")
        for row in rows
        for account in ("reserved", "committed", "realised", "returned")
        if getattr(row, account) != getattr(row, f"claimed_{account}")
    ]


async def quotas_equal_their_places(session: Session) -> list[Finding]:
    """As much of a quota is taken as slots are held, or as live enrolments count; never more than there is."""
    oversold = await _count(session, _OVERSOLD)
    differing = await _count(session, _MISCOUNTED)
    findings = [
        Finding("overspent_rupiah", oversold, "quota: places taken beyond its number"),
        Finding("unexplained", differing, "quota: taken differs from the places that are held"),
    ]
    return [each for each in findings if each.count]


async def nothing_has_two_effects(session: Session) -> list[Finding]:
    """One payment per entitlement, household and period, one household per place."""
    findings = [
        Finding("twice", await _count(session, query), where)
        for query, where in (
            (_PAID_TWICE, "payment: an entitlement paid twice"),
            (_PERIOD_TWICE, "entitlement: a household paid twice for a period of a programme"),
            (_MEMBER_TWICE, "payment: a person paid twice for a period of a programme"),
            (_REALISED_TWICE, "transfer: an entitlement realised twice"),
            (_SLOT_TWICE, "enrolment: a place with two live enrolments"),
        )
    ]
    return [each for each in findings if each.count]


async def facts_equal_the_money(session: Session) -> list[Finding]:
    """What this agency announced as paid and enrolled is what its tables hold, once it has heard itself to the end."""
    topic = fact_topic(deployment_of_session(session).settings.topic_root, "programs", own_agency(session))
    behind = await session.execute(_BEHIND, {"topic": topic})
    if behind.scalar_one():
        return []
    findings: list[Finding] = []
    for query, kind, where in (
        (_RUPIAH_BY_FACTS, "overspent_rupiah", "rupiah announced as paid against the journal"),
        (_ENROLMENTS_BY_FACTS, "unexplained", "live enrolments announced against those held"),
    ):
        told, held = (await session.execute(query, {"agency": own_agency(session)})).one()
        if told != held:
            findings.append(Finding(kind, abs(int(told) - int(held)), where))
    return findings


CHECKS: tuple[Check, ...] = (
    fund_lines_equal_their_journal,
    money_equals_its_claims,
    quotas_equal_their_places,
    nothing_has_two_effects,
    facts_equal_the_money,
)


async def totals(session: Session) -> dict[str, int]:
    """What every programs deployment knows of all agencies from facts."""
    row = (await session.execute(_TOTALS)).one()
    return {name: int(figure) for name, figure in row._mapping.items()}


async def _count(session: Session, query: TextClause) -> int:
    found: int = (await session.execute(query)).scalar_one()
    return found


_CLAIMED = text(
    """
    with held as (
        select entitlement.fund_line_id, sum(coalesce(payment.rupiah, entitlement.rupiah)) as rupiah
        from entitlement
        left join payment on payment.entitlement_id = entitlement.entitlement_id and payment.state = 'reserved'
        where entitlement.state = 'reserved'
        group by entitlement.fund_line_id
    ), listed as (
        select
            payment_list.fund_line_id,
            sum(payment.rupiah) filter (where payment.state = 'committed') as committed,
            sum(payment.rupiah - returned_rupiah) filter (where payment.state in ('paid', 'returned')) as realised,
            sum(returned_rupiah) filter (where payment.state in ('paid', 'returned')) as returned
        from payment join payment_list using (payment_list_id)
        group by payment_list.fund_line_id
    )
    select
        fund_line.code, fund_line.reserved, fund_line.committed, fund_line.realised, fund_line.returned,
        coalesce(held.rupiah, 0) as claimed_reserved,
        coalesce(listed.committed, 0) as claimed_committed,
        coalesce(listed.realised, 0) as claimed_realised,
        coalesce(listed.returned, 0) as claimed_returned
    from fund_line left join held using (fund_line_id) left join listed using (fund_line_id)
    """
)
_OVERSOLD = text("select coalesce(sum(greatest(taken - places, 0)), 0)::bigint from quota")
_MISCOUNTED = text(
    """
    select count(*) from quota
    where taken <> case kind
        when 'slots' then
            (select count(*) from slot where slot.quota_id = quota.quota_id and state in ('offered', 'filled'))
        else
            (select coalesce(sum(units), 0) from enrolment
             where enrolment.quota_id = quota.quota_id and status in ('active', 'suspended'))
        end
    """
)
_PAID_TWICE = text(
    """
    select count(*) from (
        select entitlement_id from payment where state in ('paid', 'returned')
        group by entitlement_id having count(*) > 1
    ) as twice
    """
)
_PERIOD_TWICE = text(
    """
    select count(*) from (
        select programme_id, entitlement.household_id, period
        from payment join entitlement using (entitlement_id)
        where payment.state in ('paid', 'returned')
        group by programme_id, entitlement.household_id, period having count(*) > 1
    ) as twice
    """
)
_MEMBER_TWICE = text(
    """
    select count(*) from (
        select entitlement.programme_id, member, period
        from payment
        join entitlement using (entitlement_id)
        join enrolment on enrolment.enrolment_id = payment.enrolment_id
        join programme_version on programme_version.programme_id = enrolment.programme_id
            and programme_version.version = enrolment.programme_version
        cross join lateral jsonb_array_elements_text(payment.members) as member
        where payment.state in ('paid', 'returned') and document -> 'benefit' ->> 'per' = 'person'
        group by entitlement.programme_id, member, period having count(*) > 1
    ) as twice
    """
)
_REALISED_TWICE = text(
    """
    select count(*) from (
        select entitlement_id from transfer where move in ('realise', 'reverse') and entitlement_id is not null
        group by entitlement_id having count(*) filter (where move = 'realise') > 1
    ) as twice
    """
)
_SLOT_TWICE = text(
    """
    select count(*) from (
        select slot_id from enrolment where status in ('active', 'suspended') and slot_id is not null
        group by slot_id having count(*) > 1
    ) as twice
    """
)
_BEHIND = text(
    """
    select count(*) from kernel.announced
    left join kernel.heard on heard.key = announced.key and heard.topic = :topic
    where coalesce(heard.last_sequence, 0) < announced.last_sequence
    """
)
_RUPIAH_BY_FACTS = text(
    """
    select
        (select coalesce(sum(rupiah), 0) from seen_payment where agency = :agency and status in ('paid', 'returned')),
        (select coalesce(sum(case move when 'realise' then rupiah when 'reverse' then -rupiah else 0 end), 0)
         from transfer)
    """
)
_ENROLMENTS_BY_FACTS = text(
    """
    select
        (select count(*) from seen_enrolment where agency = :agency and status in ('active', 'suspended')),
        (select count(*) from enrolment where status in ('active', 'suspended'))
    """
)
_TOTALS = text(
    """
    select
        (select count(*) from seen_enrolment) as "programs.enrolments",
        (select count(*) from seen_enrolment where status = 'graduated') as "programs.graduated",
        (select count(*) from seen_payment where status in ('paid', 'returned')) as "programs.paid",
        (select coalesce(sum(rupiah), 0) from seen_payment where status in ('paid', 'returned'))
            as "programs.paid_rupiah"
    """
)
