"""The one router of this service."""

from shared.messaging import EventRouter

router = EventRouter(service="programs")
