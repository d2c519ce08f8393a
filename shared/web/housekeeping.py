"""What every process of a deployment does now and then: old answers are forgotten, the audit is sealed."""

import asyncio
from typing import Final

import structlog

from shared.security.audit_seal import seal_audit
from shared.web.deployment import Deployment
from shared.web.idempotency import forget_old_answers

log = structlog.get_logger(__name__)

EVERY_S: Final = 600.0
FORGET_AT_ONCE: Final = 1_000


async def keep_house(deployment: Deployment) -> None:
    """Runs until cancelled, first after one interval. Several processes may do it at once."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await clean_up(deployment)
        except Exception as error:  # noqa: BLE001 - nothing depends on it being done now
            log.warning("housekeeping.failed", error=type(error).__name__)


async def clean_up(deployment: Deployment) -> None:
    """Once: forgets answers in chunks of a transaction each, then seals what was written."""
    forgotten = FORGET_AT_ONCE
    while forgotten == FORGET_AT_ONCE:
        async with deployment.sessions.begin() as session:
            forgotten = await forget_old_answers(session, FORGET_AT_ONCE)
    await seal_audit(deployment.sessions)
