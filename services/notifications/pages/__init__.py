"""The coordinator's screens: board, served by nobody, household, inbox; and the signal that they changed."""

from services.notifications.pages.assets import router as assets
from services.notifications.pages.board import router as board
from services.notifications.pages.inbox import router as inbox
from services.notifications.pages.live import router as live

ROUTERS = (board, inbox, live, assets)
