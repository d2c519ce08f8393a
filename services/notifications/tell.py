"""Tell people something: one message per cause and person, however often and in whatever order the cause is heard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as upsert
from uuid_utils.compat import uuid7

from services.notifications.models import MESSAGES
from services.notifications.people import people_at
from services.notifications.places import zone_of
from services.notifications.settings import NotificationsSettings
from services.notifications.subscriptions import Subscription
from shared.deployment import deployment_of_session
from shared.messaging import Session

CHANGES = ("code", "values", "link", "due_on", "told_at")


async def tell(
    session: Session,
    subscription: Subscription,
    *,
    cause: str,
    values: Mapping[str, Any],
    correlation_id: UUID,
    bring_up_to_date: bool = False,
) -> None:
    """Put a message into the inbox of everyone whom a subscription names.

    Whoever has a message of that cause already keeps it as it is; with ``bring_up_to_date`` it says the newer words
    and counts as unread again.
    """
    deployment = deployment_of_session(session)
    region, agency = str(values["region"]), str(values["agency"])
    told_at = deployment.clock.now()
    due = subscription.due_days
    message = {
        "cause": cause,
        "code": subscription.text,
        "values": dict(values),
        "region": region,
        "link": subscription.link.format_map(values),
        "due_on": None if due is None else told_at.astimezone(zone_of(region)).date() + timedelta(days=due),
        "correlation_id": correlation_id,
        "told_at": told_at,
        "read_at": None,
    }
    assert isinstance(deployment.settings, NotificationsSettings)  # noqa: S101 - app.py declares these settings
    people = people_at(deployment.settings.people_path).people()
    here = deployment.agency
    told = [each for each in people if subscription.is_for(each, agency=agency, here=here, region=region)]
    rows = [{**message, "id": uuid7(), "recipient": person.principal} for person in told]
    if not rows:
        return
    statement = upsert(MESSAGES)
    same = ["cause", "recipient"]
    if bring_up_to_date:
        newer = {name: statement.excluded[name] for name in CHANGES}
        statement = statement.on_conflict_do_update(index_elements=same, set_={**newer, "read_at": None})
    else:
        statement = statement.on_conflict_do_nothing(index_elements=same)
    await session.execute(statement, sorted(rows, key=lambda row: str(row["recipient"])))
