"""The kernel's own tables, in schema ``kernel`` of every deployment's database."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

kernel_metadata = MetaData(
    schema="kernel",
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)

announced = Table(
    "announced",
    kernel_metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
    comment="Last number given per key. Its row lock is what keeps the facts of one key in order.",
)

outbox = Table(
    "outbox",
    kernel_metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("type", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary, comment="JSON data; null is a tombstone"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    comment="What is committed and not yet acknowledged by Kafka. The relay deletes what was acknowledged.",
)

heard = Table(
    "heard",
    kernel_metadata,
    Column("topic", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("last_offset", BigInteger, nullable=False, server_default=text("-1")),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    comment="How far each key of each topic was heard. Grows with households, never expires.",
)

parked = Table(
    "parked",
    kernel_metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", JSONB, nullable=False, comment="Where the fault is; never a value of the record"),
    Column("type", Text),
    Column("event_id", Uuid),
    Column("sequence", BigInteger),
    Column("record", LargeBinary, nullable=False, comment="The original record, encrypted"),
    Column("key_version", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("settled_at", DateTime(timezone=True)),
    Column("settled_by", Text),
    Column("settled_reason", Text),
    UniqueConstraint("topic", "partition", "offset"),
    CheckConstraint("state in ('waiting', 'redriven', 'dismissed')", name="state"),
    CheckConstraint(
        "state <> 'dismissed' or (settled_by is not null and settled_reason is not null)", name="dismissed"
    ),
    Index(None, "topic", "key", "offset", postgresql_where=text("state = 'waiting'")),
    comment="Records that could not be handled, and those of the same key that wait behind them.",
)

due = Table(
    "due",
    kernel_metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Uuid, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("failed_at", DateTime(timezone=True), comment="Set when it was given up: shown with the parked"),
    Column("failure", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    UniqueConstraint("kind", "key"),
    Index(None, "at", postgresql_where=text("failed_at is null")),
    comment="What falls due at a moment of business time.",
)

react_from = Table(
    "react_from",
    kernel_metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    comment="Below these offsets only projections run: the past that this deployment did not live through.",
)

statement = Table(
    "statement",
    kernel_metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("stated_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    comment="What an operator has stated about this deployment, e.g. from where on it reacts.",
)
