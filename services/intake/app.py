"""Intake of one agency: the register of people and households, and the one place that knows who they are."""

from __future__ import annotations

from services.intake.api import ROUTERS
from services.intake.checks import CHECKS
from services.intake.handlers import router as events
from services.intake.models import Base, OpenCase
from services.intake.pages import ROUTERS as SCREENS
from services.intake.settings import IntakeSettings
from services.intake.timers import timers
from shared.service import Service

SERVICE = Service(
    name="intake",
    settings=IntakeSettings,
    metadata=Base.metadata,
    events=events,
    timers=timers,
    routes=(*ROUTERS, *SCREENS),
    read_models=(OpenCase,),
    checks=CHECKS,
)
