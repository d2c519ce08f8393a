"""Alembic's environment of programs."""

from services.programs.models import Row
from shared.messaging.migrate import run_in_environment

run_in_environment(Row.metadata, "public")
