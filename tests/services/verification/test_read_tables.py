"""Read tables are folds: whatever came first, they end as the same bytes."""

from __future__ import annotations

import random

import pytest

from services.verification.app import SERVICE
from shared.events.envelope import Event
from shared.events.intake import (
    DuplicateResolved,
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdUpdated,
    HouseholdWithdrawn,
)
from shared.messaging.rebuild import digest
from tests.fixtures.deployments import DeploymentFactory
from tests.services.verification.story import PLACE, entries, registered


def past() -> list[Event]:
    """Three households: one that changed twice, one that left, one in question; with profiles and rows of the list."""
    changed, gone, asked = registered(3), registered(2), registered(2)
    moved = changed.model_dump() | {"region": "64.72.01.1001", "revision": 2, "reason": "moved"}
    born = moved | {"members": [*changed.members, gone.members[0]], "persons": 4, "revision": 3, "reason": "birth"}
    question = {"household_id": asked.household_id}
    profile = HouseholdProfile.from_example().model_copy(update={"household_id": changed.household_id})
    listed = [*entries(changed), *entries(gone), *entries(asked)]
    return [
        changed, gone, asked, HouseholdUpdated(**moved), HouseholdUpdated(**born),
        HouseholdWithdrawn(household_id=gone.household_id, region=PLACE, reason="entered-in-error", revision=2),
        DuplicateSuspected.from_example().model_copy(update=question),
        DuplicateResolved.from_example().model_copy(update=question),
        profile, profile.model_copy(update={"revision": 2, "members": profile.members[:1]}),
        *listed, listed[0].model_copy(update={"revision": 2, "member_id": None}),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_and_any_batches_give_the_same_bytes(deployment_of: DeploymentFactory, seed: int) -> None:
    facts, dice = past(), random.Random(seed)
    straight, shuffled = await deployment_of(SERVICE), await deployment_of(SERVICE)
    await straight.deliver(*facts)
    dice.shuffle(facts)
    while facts:
        size = dice.randint(1, 6)
        await shuffled.deliver(*facts[:size])
        facts = facts[size:]
    digests = set()
    for each in (straight, shuffled):
        async with each.session() as session:
            digests.add(await digest(session, SERVICE.read_tables()))
    assert len(digests) == 1
