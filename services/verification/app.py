"""Verification of one agency: who is visited, what was found, and what two people decided on it."""

from __future__ import annotations

from services.verification.api import ROUTERS
from services.verification.handlers import router as events
from services.verification.models import READ_MODELS, Base
from services.verification.settings import VerificationSettings
from services.verification.timers import start, timers
from shared.service import Service

SERVICE = Service(
    name="verification",
    settings=VerificationSettings,
    metadata=Base.metadata,
    events=events,
    timers=timers,
    routes=ROUTERS,
    read_models=READ_MODELS,
    on_start=start,
)
