"""Alembic environment of schema ``kernel``: the kernel's own tables, and those of security and the edge."""

from shared.messaging.migrate import run_in_environment
from shared.messaging.tables import kernel_metadata
from shared.security.tables import metadata as security_metadata

run_in_environment([kernel_metadata, security_metadata], schema="kernel")
