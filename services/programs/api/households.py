"""Households across agencies: what everyone gives them, and whom nobody serves."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import exists, select
from sqlmodel import col

from services.programs.answers import AidAnswer, BenefitAnswer, BenefitsAnswer, DeliveredAnswer, UnservedPage
from services.programs.api.paging import Limit, cursor
from services.programs.api.who import Reader
from services.programs.models import SeenEnrolment, SeenHousehold, SeenPayment, SeenService, SeenVerification
from services.programs.rules.household import HeldStatus, VerificationStatus
from shared.problem import Problem
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1/households", route_class=EdgeRoute, tags=["households"])


@router.get("/{household_id}/benefits")
async def show_benefits(household_id: UUID, caller: Reader, session: SessionDep) -> BenefitsAnswer:
    """Enrolments, payments and services of all agencies, as they were heard."""
    household = await session.get(SeenHousehold, household_id)
    if household is None:
        raise Problem("household-not-found", status=404, field="household_id")
    caller.require_region(household.region)
    enrolments = await session.execute(
        select(SeenEnrolment)
        .where(col(SeenEnrolment.household_id) == household_id)
        .order_by(col(SeenEnrolment.started_on), col(SeenEnrolment.enrolment_id))
    )
    payments = await session.execute(
        select(SeenPayment)
        .where(col(SeenPayment.household_id) == household_id)
        .order_by(col(SeenPayment.settled_on), col(SeenPayment.payment_id))
    )
    services = await session.execute(
        select(SeenService)
        .where(col(SeenService.household_id) == household_id)
        .order_by(col(SeenService.delivered_on), col(SeenService.delivery_id))
    )
    return BenefitsAnswer(
        household_id=household_id,
        region=household.region,
        enrolments=[
            BenefitAnswer(**row.model_dump(include=set(BenefitAnswer.model_fields))) for row in enrolments.scalars()
        ],
        payments=[AidAnswer(**row.model_dump(include=set(AidAnswer.model_fields))) for row in payments.scalars()],
        services=[
            DeliveredAnswer(**row.model_dump(include=set(DeliveredAnswer.model_fields))) for row in services.scalars()
        ],
    )


@router.get(":unserved")
async def list_unserved(
    caller: Reader,
    session: SessionDep,
    after: Annotated[UUID | None, Query(description="Cursor: `next` of the page before.")] = None,
    limit: Limit = 100,
) -> UnservedPage:
    """Verified households that no agency has enrolled."""
    served = exists().where(
        col(SeenEnrolment.household_id) == col(SeenHousehold.household_id),
        col(SeenEnrolment.status).in_((HeldStatus.ACTIVE, HeldStatus.SUSPENDED)),
    )
    verified = exists().where(
        col(SeenVerification.household_id) == col(SeenHousehold.household_id),
        col(SeenVerification.status) == VerificationStatus.VERIFIED,
    )
    statement = select(col(SeenHousehold.household_id)).where(
        caller.region_filter(col(SeenHousehold.region)), verified, ~served
    )
    if after is not None:
        statement = statement.where(col(SeenHousehold.household_id) > after)
    found = await session.execute(statement.order_by(col(SeenHousehold.household_id)).limit(limit))
    ids = list(found.scalars())
    return UnservedPage(items=ids, next=cursor(ids, limit))
