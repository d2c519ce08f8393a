"""Which deployment has an open case with which household: a read table, folded from what others announce."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from services.intake.models.kinds import Base


class OpenCase(Base, table=True):
    """The last word of one deployment on one of its cases with a household."""

    __tablename__: ClassVar[Any] = "open_case"

    household_id: UUID = Field(primary_key=True)
    source: str = Field(primary_key=True, sa_type=Text, description="CloudEvents source of the deployment.")
    case_id: UUID = Field(primary_key=True, description="The verification's case, or the programme.")
    agency: str = Field(sa_type=Text)
    is_open: bool
    sequence: int = Field(sa_type=BigInteger, description="Of the fact that said so; a lower one changes nothing.")
