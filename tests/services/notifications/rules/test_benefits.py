"""What a household receives: each agency speaks for its own enrolments and payments, and for no other's."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from services.notifications.rules.benefits import EnrolmentStatus
from services.notifications.rules.household import state_of
from services.notifications.rules.stages import Stage, stages_of
from shared.events.programs import AidReturned, AidReversed, EnrolmentVoided
from tests.services.notifications.story import CITY, Story

OTHER = "dinsos-kaltim"
CLAIMS: list[Callable[[Story], object]] = [
    lambda story: story.about(EnrolmentVoided, agency=OTHER, enrolment_id=story.payment()["enrolment_id"]),
    lambda story: story.about(AidReturned, agency=OTHER, rupiah=300_000, **story.payment()),
    lambda story: story.about(AidReversed, agency=OTHER, rupiah=300_000, **story.payment()),
    lambda story: story.enrolled("a", "b", "c", agency=OTHER),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=["void", "return", "reversal", "enrolment"])
@pytest.mark.parametrize("seed", range(6))
def test_one_agency_cannot_speak_for_another(claim: Callable[[Story], object], seed: int) -> None:
    """An outside client that names the ids of the city's enrolment and payment changes nothing of it, in any order."""
    story = Story()
    story.registered("a", "b", "c")
    story.enrolled("a", "b")
    story.paid()
    claim(story)
    facts = random.Random(seed).sample(story.facts, len(story.facts))
    state = state_of(facts)
    ours = state.enrolments[CITY, story.payment()["enrolment_id"]]
    assert (ours.status, ours.persons, ours.payments, ours.paid_rupiah) == (EnrolmentStatus.ENROLLED, 2, 1, 300_000)
    assert state.serves(story.member("a"))
    assert stages_of(state)[Stage.ENROLLED] == (3 if claim is CLAIMS[3] else 2)
