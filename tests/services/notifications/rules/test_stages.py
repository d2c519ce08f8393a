"""How far a household has come, and how many of its persons count."""

from services.notifications.rules.household import state_of
from services.notifications.rules.stages import Stage, stages_of
from shared.events.intake import HouseholdWithdrawn
from shared.events.programs import AidReversed, EnrolmentVoided, GraduationReversed, HouseholdGraduated
from tests.services.notifications.story import Story


def stages(story: Story) -> dict[Stage, int]:
    return dict(stages_of(state_of(story.facts)))


def test_each_stage_counts_its_own_persons() -> None:
    story = Story()
    story.registered("a", "b", "c")
    story.decided({"a": "confirmed", "b": "confirmed", "c": "moved"})
    story.enrolled("a", "b")
    story.about(HouseholdGraduated, enrolment_id=story.payment()["enrolment_id"])
    story.paid()
    assert stages(story) == {
        Stage.REGISTERED: 3,
        Stage.VERIFIED: 2,
        Stage.ENROLLED: 2,
        Stage.SERVED: 3,
        Stage.GRADUATED: 2,
    }


def test_a_person_in_two_programmes_counts_once() -> None:
    story = Story()
    story.enrolled("a", "b")
    story.enrolled("b", "c", programme="UEP-2023", agency="dinkop-samarinda")
    assert stages(story)[Stage.ENROLLED] == 3


def test_what_is_taken_back_counts_no_more() -> None:
    story = Story()
    story.registered("a")
    story.enrolled("a")
    story.paid()
    enrolment = story.payment()["enrolment_id"]
    story.about(HouseholdGraduated, enrolment_id=enrolment)
    story.about(GraduationReversed, enrolment_id=enrolment)
    assert Stage.GRADUATED not in stages(story)
    story.about(AidReversed, rupiah=300_000, **story.payment())
    assert Stage.SERVED not in stages(story)
    story.about(EnrolmentVoided, enrolment_id=enrolment)
    assert stages(story) == {Stage.REGISTERED: 1}
    story.about(HouseholdWithdrawn, revision=2)
    assert stages(story) == {}
