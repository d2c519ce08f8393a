"""What notifications hears: projections for the board (``facts``), reactions for the inbox (``inbox``)."""

from services.notifications.handlers import facts, inbox
from services.notifications.handlers.router import router

__all__ = ["facts", "inbox", "router"]
