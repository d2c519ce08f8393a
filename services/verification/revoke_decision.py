"""Take a decision back: somebody who took no part in it, with a reason; the household is visited again."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import col, select

from services.verification.models import Case, Decision
from services.verification.moment import moment_of
from services.verification.open_cases import next_round, open_cases
from services.verification.rules.decisions import findings_in_revocation
from services.verification.rules.states import CaseState
from shared.events.verification import VerificationRevoked
from shared.messaging import Session, announce
from shared.problem import Finding
from shared.security import Caller


async def revoke_decision(
    session: Session, caller: Caller, case: Case, decision_id: UUID, reason: str
) -> tuple[list[Finding], UUID | None]:
    """The findings of a refusal, or the id of the case that follows, if the household is still to be visited.

    The case is locked by the caller.
    """
    decision = await session.get(Decision, decision_id, with_for_update=True)
    if decision is None or decision.id != case.decision_id:
        return [Finding("decision-not-current", "decision_id")], None
    found = findings_in_revocation(
        state=case.state,
        decided_by=decision.decided_by,
        visited_by=decision.proposed_by,
        revoked_by=caller.subject,
        reason=reason,
    )
    if found:
        return found, None
    decision.revoked_by, decision.revoked_at = caller.subject, moment_of(session).now
    decision.revoked_reason, case.state = reason, CaseState.REVOKED
    announce(
        session,
        VerificationRevoked(
            case_id=case.id,
            household_id=case.household_id,
            region=case.region,
            round=case.round,
            reason=reason,
            corrects=decision.id,
        ),
    )
    await session.flush()
    opened = await open_cases(session, [next_round(case, "revoked")])
    return [], opened[0] if opened else None


async def locked_case(session: Session, case_id: UUID) -> Case | None:
    return (await session.exec(select(Case).where(col(Case.id) == case_id).with_for_update())).one_or_none()
