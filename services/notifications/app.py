"""Notifications: hears every agency, keeps the board, tells coordinators. This is its composition root.

Hears all facts of intake, verification and programs. Announces ``AgencySilent``. Owns the inbox.
"""

from fastapi import FastAPI

from services.notifications import api, pages
from services.notifications.commands import CHECKS
from services.notifications.handlers import router
from services.notifications.models import READ_MODELS, Base
from services.notifications.settings import NotificationsSettings
from services.notifications.timers import begin_watch, timers
from shared.serve import make_app
from shared.service import Service

SERVICE = Service(
    name="notifications",
    settings=NotificationsSettings,
    metadata=Base.metadata,
    events=router,
    timers=timers,
    routes=(*api.ROUTERS, *pages.ROUTERS),
    read_models=READ_MODELS,
    checks=CHECKS,
    on_start=begin_watch,
)


def create_app() -> FastAPI:
    """The application of the deployment that the environment describes."""
    return make_app(SERVICE, NotificationsSettings())
