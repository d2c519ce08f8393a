"""Finds programmes of this agency: the version in force, or the one an enrolment keeps."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.models import FundLineRow, ProgrammeRow, ProgrammeVersion, Quota
from services.programs.rules.programme import Programme
from shared.messaging import Session
from shared.problem import Problem

_read: dict[tuple[UUID, int], Programme] = {}
"""Versions never change, so each is parsed once per process."""


@dataclass(frozen=True, slots=True)
class Running:
    """A programme in one of its versions, with the line that pays."""

    programme_id: UUID
    programme: Programme
    fund_line_id: UUID

    @property
    def reserves_at_enrolment(self) -> bool:
        return self.programme.benefit.reserve == "enrolment"


async def in_force(session: Session, code: str) -> Running:
    """The version in force. Raises 404 for a code this agency has not published."""
    row = (await session.execute(select(ProgrammeRow).where(col(ProgrammeRow.code) == code))).scalar_one_or_none()
    if row is None:
        raise Problem("programme-not-found", status=404, field="code", programme=code)
    return await version_of(session, row.programme_id, row.version)


async def version_of(session: Session, programme_id: UUID, version: int) -> Running:
    """The version that an enrolment, a proposal or an offer keeps."""
    programme = _read.get((programme_id, version))
    if programme is None:
        document = (
            await session.execute(
                select(col(ProgrammeVersion.document)).where(
                    col(ProgrammeVersion.programme_id) == programme_id, col(ProgrammeVersion.version) == version
                )
            )
        ).scalar_one()
        programme = _read.setdefault((programme_id, version), Programme.model_validate(document))
    line = await session.execute(
        select(col(FundLineRow.fund_line_id)).where(col(FundLineRow.code) == programme.pays_from.code)
    )
    return Running(programme_id, programme, line.scalar_one())


async def lock_quotas(session: Session, programme_id: UUID, quota_id: UUID | None = None) -> list[Quota]:
    """The programme's quotas (or one of them) as they are now, locked in one order by everyone."""
    statement = select(Quota).where(col(Quota.programme_id) == programme_id)
    if quota_id is not None:
        statement = statement.where(col(Quota.quota_id) == quota_id)
    found = await session.execute(
        statement.order_by(col(Quota.quota_id)).with_for_update().execution_options(populate_existing=True)
    )
    return list(found.scalars())
