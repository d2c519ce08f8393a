"""Verification of one agency: who is visited, what was found, and what two people decided on it.

Hears households, closed lists and open questions of intake. Announces the course of cases, and verified profiles.
"""

from __future__ import annotations

from fastapi import FastAPI

from services.verification.api import ROUTERS
from services.verification.commands import CHECKS, facts_of_households
from services.verification.handlers import router
from services.verification.models import READ_MODELS, Base
from services.verification.pages import ROUTERS as SCREENS
from services.verification.settings import VerificationSettings
from services.verification.timers import start, timers
from shared.serve import make_app
from shared.service import Service

SERVICE = Service(
    name="verification",
    settings=VerificationSettings,
    metadata=Base.metadata,
    events=router,
    timers=timers,
    routes=(*ROUTERS, *SCREENS),
    read_models=READ_MODELS,
    checks=CHECKS,
    facts=facts_of_households,
    on_start=start,
)


def create_app() -> FastAPI:
    """The application of the deployment that the environment describes."""
    return make_app(SERVICE, VerificationSettings())
