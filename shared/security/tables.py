"""Tables of schema `kernel` that security and the edge write. The kernel's Alembic tree creates them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    schema="kernel",
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    },
)

audit_rows = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("principal", String(200), nullable=False, comment="agency/subject; never a name"),
    Column("roles", JSONB, nullable=False),
    Column("action", String(100), nullable=False),
    Column("subjects", JSONB, nullable=False, comment="ids and codes; never an attribute of a person"),
    Column("purpose", String(100)),
    Column("correlation_id", String(64)),
    Index("ix_audit_subjects", "subjects", postgresql_using="gin", postgresql_ops={"subjects": "jsonb_path_ops"}),
    comment="Append-only: who wrote, and who looked at an identity",
)

audit_blocks = Table(
    "audit_block",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 over the digest before and the rows"),
    Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    comment="Append-only: the audit in sealed blocks, each holding the one before",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal", String(200), primary_key=True),
    Column("route", String(200), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", LargeBinary, nullable=False, comment="keyed digest of address and body"),
    Column("status", SmallInteger, comment="NULL only inside the transaction that does the work"),
    Column("headers", JSONB),
    Column("answer", LargeBinary, comment="the answer's body, sealed by the deployment key"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    comment="Answers kept so that a repeated request changes nothing and hears the same",
)

household_keys = Table(
    "household_key",
    metadata,
    Column("household_id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("key_version", Integer, nullable=False, index=True, comment="deployment key that wrapped it"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="One data key per household whose identity is kept here; deleting the row erases the identity",
)

REFUSE_CHANGES: Final = (
    """
    create or replace function kernel.refuse_audit_change() returns trigger language plpgsql as $$
    begin
        raise exception 'kernel.audit is append-only' using errcode = 'insufficient_privilege';
    end $$
    """,
    *(
        f"""
        create or replace trigger audit_is_append_only before update or delete or truncate on kernel.{table}
        for each statement execute function kernel.refuse_audit_change()
        """
        for table in ("audit", "audit_block")
    ),
)
"""Statements for the migration that creates `kernel.audit`."""
