"""The JSON API of notifications, under /api/v1."""

from services.notifications.api.board import router as board
from services.notifications.api.inbox import router as inbox

ROUTERS = (board, inbox)
