"""What notifications announces: what coordinators were told to do and did not."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from shared.events.envelope import Event
from shared.events.fields import AgencyCode, Code, Instant, RegionCode


class _OfNotifications(Event):
    announcer: ClassVar[Literal["notifications"]] = "notifications"


class AgencySilent(_OfNotifications):
    """Nothing has been heard of a deployment for longer than the agreed time; its figures on the board are old."""

    type = "agency.silent.v1"
    subject_kind = "deployment"
    subject_field = "deployment_id"
    example = {
        "deployment_id": "0192f1d0-7c11-7a10-8a00-000000000301",
        "region": "64.72",
        "service": "programs",
        "agency": "pupr-samarinda",
        "last_heard_at": "2023-03-01T08:00:00Z",
    }

    deployment_id: UUID
    region: RegionCode
    service: Code
    agency: AgencyCode
    last_heard_at: Instant
