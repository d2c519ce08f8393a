"""The one router of this service's handlers."""

from shared.messaging import EventRouter

router = EventRouter(service="notifications")
