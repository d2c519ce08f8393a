"""Money: the journal, what enrolments are entitled to, and the lists by which they are paid."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.programs.models.metadata import Row, one_of, two_people
from services.programs.rules.ledger import PATHS

_PATHS = ", ".join(f"('{move}', '{leaves}', '{enters}')" for move, (leaves, enters) in PATHS.items())


class EntitlementState(StrEnum):
    OPEN = "open"
    RESERVED = "reserved"
    COMMITTED = "committed"
    PAID = "paid"
    RETURNED = "returned"
    REVERSED = "reversed"
    VOID = "void"


class ListState(StrEnum):
    BUILDING = "building"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"
    SETTLED = "settled"


class PaymentState(StrEnum):
    LISTED = "listed"
    RESERVED = "reserved"
    COMMITTED = "committed"
    PAID = "paid"
    FAILED = "failed"
    RELEASED = "released"
    RETURNED = "returned"
    REVERSED = "reversed"


class Transfer(Row, table=True):
    """One entry of the journal: so many rupiah left one account and entered another. Never changed, never deleted."""

    __tablename__ = "transfer"
    __table_args__ = (
        ForeignKeyConstraint(["fund_line_id"], ["fund_line.fund_line_id"]),
        CheckConstraint("rupiah > 0", name="moves_something"),
        CheckConstraint(f"(move, leaves, enters) in ({_PATHS})", name="path_known"),
    )

    transfer_id: UUID = Field(primary_key=True)
    fund_line_id: UUID = Field(index=True)
    move: str
    leaves: str
    enters: str
    rupiah: int = Field(sa_type=BigInteger)
    entitlement_id: UUID | None = Field(default=None, index=True)
    payment_id: UUID | None = None
    reason: str
    made_by: str
    made_at: datetime


class Entitlement(Row, table=True):
    """What an enrolment is entitled to for one period. Paid at most once; after a reversal a new one is issued.

    A household has one per programme and period, through however many enrolments it goes.
    """

    __tablename__ = "entitlement"
    __table_args__ = (
        ForeignKeyConstraint(["fund_line_id"], ["fund_line.fund_line_id"]),
        one_of("state", EntitlementState),
        CheckConstraint("rupiah > 0", name="is_worth_something"),
        Index(
            "uq_entitlement_current",
            "programme_id",
            "household_id",
            "period",
            unique=True,
            postgresql_where=text("state not in ('void', 'reversed')"),
        ),
        Index("ix_entitlement_payable", "programme_id", "period", "state"),
    )

    entitlement_id: UUID = Field(primary_key=True)
    enrolment_id: UUID = Field(index=True)
    programme_id: UUID
    household_id: UUID = Field(index=True)
    period: str
    fund_line_id: UUID
    rupiah: int = Field(sa_type=BigInteger)
    members: list[str] = Field(sa_type=JSONB)
    state: str = EntitlementState.OPEN


class PaymentList(Row, table=True):
    """A list of payments: made by one person, decided by another, settled item by item."""

    __tablename__ = "payment_list"
    __table_args__ = (
        ForeignKeyConstraint(["fund_line_id"], ["fund_line.fund_line_id"]),
        one_of("state", ListState),
        two_people("made_by", "decided_by"),
    )

    payment_list_id: UUID = Field(primary_key=True)
    programme_id: UUID = Field(index=True)
    programme: str
    region: str
    period: str
    fund_line_id: UUID
    state: str
    families: int = 0
    persons: int = 0
    rupiah: int = Field(default=0, sa_type=BigInteger)
    list_sha256: str | None = None
    made_by: str
    made_at: datetime
    decided_by: str | None = None
    decree_number: str | None = None
    decree_dated: date | None = None
    correlation_id: UUID


class Payment(Row, table=True):
    """One item of a list: a household's money for one entitlement, to its payee."""

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["payment_list_id"], ["payment_list.payment_list_id"]),
        ForeignKeyConstraint(["entitlement_id"], ["entitlement.entitlement_id"]),
        one_of("state", PaymentState),
        CheckConstraint("rupiah > 0 and returned_rupiah between 0 and rupiah", name="returns_at_most_itself"),
        Index(
            "uq_payment_live",
            "entitlement_id",
            unique=True,
            postgresql_where=text("state in ('reserved', 'committed', 'paid', 'returned')"),
        ),
        Index("ix_payment_payment_list_id_state", "payment_list_id", "state"),
    )

    payment_id: UUID = Field(primary_key=True)
    payment_list_id: UUID
    entitlement_id: UUID
    enrolment_id: UUID = Field(index=True)
    household_id: UUID
    region: str
    rupiah: int = Field(sa_type=BigInteger)
    members: list[str] = Field(sa_type=JSONB)
    """For whom it is: those of the entitlement who were still confirmed when the list was made."""
    persons: int
    state: str = PaymentState.LISTED
    reason: str | None = None
    settled_on: date | None = None
    returned_rupiah: int = Field(default=0, sa_type=BigInteger)
    held_elsewhere: list[dict[str, Any]] = Field(sa_type=JSONB)
    """What other agencies gave when the list was made: shown before approval."""


class PaymentExclusion(Row, table=True):
    """An enrolment that a list left out, with every coded reason."""

    __tablename__ = "payment_exclusion"
    __table_args__ = (ForeignKeyConstraint(["payment_list_id"], ["payment_list.payment_list_id"]),)

    payment_list_id: UUID = Field(primary_key=True)
    entitlement_id: UUID = Field(primary_key=True)
    household_id: UUID
    region: str
    rupiah: int = Field(sa_type=BigInteger)
    reasons: list[dict[str, Any]] = Field(sa_type=JSONB)


class ResultFileRow(Row, table=True):
    """A result file of the payer, taken once."""

    __tablename__ = "result_file"
    __table_args__ = (ForeignKeyConstraint(["payment_list_id"], ["payment_list.payment_list_id"]),)

    payment_list_id: UUID = Field(primary_key=True)
    sha256: str = Field(primary_key=True)
    rows: int
    received_by: str
    received_at: datetime


class ResultRow(Row, table=True):
    """A line of a result file that waits to be worked in."""

    __tablename__ = "result_row"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["payment.payment_id"]),
        # The next chunk is the head of this index, however long the list.
        Index("ix_result_row_payment_list_id_payment_id", "payment_list_id", "payment_id"),
    )

    payment_id: UUID = Field(primary_key=True)
    payment_list_id: UUID
    status: str
    reason: str | None = None
    settled_on: date
