"""Alembic's environment of verification."""

from services.verification.models import Base
from shared.messaging.migrate import run_in_environment

run_in_environment(Base.metadata, "public")
