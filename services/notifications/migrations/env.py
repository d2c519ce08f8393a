"""Alembic's environment of notifications."""

from services.notifications.models import Base
from shared.messaging.migrate import run_in_environment

run_in_environment(Base.metadata, "public")
