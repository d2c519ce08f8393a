"""Programs of one agency: what it gives, its money, its places, who is enrolled, who was paid, who graduated."""

from __future__ import annotations

from fastapi import FastAPI

from services.programs.api import ROUTES
from services.programs.commands import CHECKS, totals
from services.programs.handlers import router as events
from services.programs.models import READ_MODELS, Row
from services.programs.pages import SCREENS
from services.programs.settings import ProgramsSettings
from services.programs.timers import timers
from shared.serve import make_app
from shared.service import Service

SERVICE = Service(
    name="programs",
    settings=ProgramsSettings,
    metadata=Row.metadata,
    events=events,
    timers=timers,
    routes=(*ROUTES, *SCREENS),
    read_models=READ_MODELS,
    checks=CHECKS,
    totals=totals,
)


def create_app() -> FastAPI:
    """The application of the deployment that the environment describes."""
    return make_app(SERVICE, ProgramsSettings())
