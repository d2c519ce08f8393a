"""Alembic's environment of intake."""

from services.intake.models import Base
from shared.messaging.migrate import run_in_environment

run_in_environment(Base.metadata, "public")
