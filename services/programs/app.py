"""Programs of one agency: what it gives, its money, its places, who is enrolled, who was paid, who graduated."""

from __future__ import annotations

from services.programs.api import ROUTES
from services.programs.commands import CHECKS, totals
from services.programs.handlers import router as events
from services.programs.models import READ_MODELS, Row
from services.programs.settings import ProgramsSettings
from services.programs.timers import timers
from shared.service import Service

SERVICE = Service(
    name="programs",
    settings=ProgramsSettings,
    metadata=Row.metadata,
    events=events,
    timers=timers,
    routes=ROUTES,
    read_models=READ_MODELS,
    checks=CHECKS,
    totals=totals,
)
