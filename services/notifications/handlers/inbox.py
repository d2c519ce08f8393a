"""Reactions: what coordinators are told. None of them runs for the past or in a rebuild."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert as upsert

from services.notifications.handlers.router import router
from services.notifications.models import PLACE_STORIES
from services.notifications.places import zone_of
from services.notifications.subscriptions import region_of, subscription_to, subscriptions
from services.notifications.tell import tell
from shared.deployment import deployment_of_session
from shared.events.envelope import Event
from shared.events.programs import SlotFilled, SlotReleased
from shared.messaging import Fact, Session

STORY = ("correlation_id", "programme", "agency")


async def tell_subscribers(event: Event, session: Session, fact: Fact) -> None:
    """Tell everyone who subscribes to this event, once per cause."""
    today = deployment_of_session(session).clock.now().astimezone(zone_of(region_of(event))).date()
    for subscription in subscriptions():
        if subscription.event is type(event):
            await tell(
                session,
                subscription,
                cause=subscription.cause_of(event, today),
                values=subscription.values_of(event, fact.agency),
                correlation_id=fact.correlation_id,
            )


for _subscription in subscriptions():
    if _subscription.cause:
        router.on(_subscription.event)(tell_subscribers)


@router.on(SlotReleased)
async def tell_of_free_place(event: SlotReleased, session: Session, fact: Fact) -> None:
    """Begin the story of the places that a decision set free, or go on with it."""
    await _go_on(session, event, fact, released=1)


@router.on(SlotFilled)
async def tell_of_successor(event: SlotFilled, session: Session, fact: Fact) -> None:
    """End the story of a place. A place that was never anybody's before is no news."""
    if event.succeeds is not None:
        await _go_on(session, event, fact, filled=1)


async def _go_on(
    session: Session, event: SlotReleased | SlotFilled, fact: Fact, *, released: int = 0, filled: int = 0
) -> None:
    """Count on in the story, whose row also lets two workers tell it one after the other."""
    new = upsert(PLACE_STORIES).values(
        correlation_id=fact.correlation_id,
        programme=event.programme,
        agency=fact.agency,
        region=event.region,
        released=released,
        filled=filled,
    )
    counted = new.on_conflict_do_update(
        index_elements=STORY,
        set_={name: PLACE_STORIES.c[name] + new.excluded[name] for name in ("released", "filled")},
    ).returning(PLACE_STORIES.c.region, PLACE_STORIES.c.released, PLACE_STORIES.c.filled)
    story = (await session.execute(counted)).one()
    subscription = subscription_to(SlotFilled if story.filled else SlotReleased)
    # A successor may be heard of before the place was heard to be free: the two are facts about different households.
    counts = {"released": max(story.released, story.filled), "filled": story.filled, "region": story.region}
    await tell(
        session,
        subscription,
        cause=f"places/{fact.agency}/{event.programme}/{fact.correlation_id}",
        values={**subscription.values_of(event, fact.agency), **counts},
        correlation_id=fact.correlation_id,
        bring_up_to_date=True,
    )
