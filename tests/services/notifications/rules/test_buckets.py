"""In which bucket a person of the closed list is: the precedence, line by line, and that the buckets always sum."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.rules.buckets import Bucket, bucket_of, complete, entry_history
from services.notifications.rules.dated import Dated, as_of, end_of
from services.notifications.rules.household import HouseholdState, history_of, state_of
from shared.events.intake import CohortEntryResolved, HouseholdWithdrawn
from shared.events.programs import (
    AidFailed,
    AidReturned,
    AidReversed,
    EnrolmentVoided,
    GraduationReversed,
    HouseholdGraduated,
    ServiceDelivered,
)
from shared.events.verification import VerificationClosed, VerificationExpired, VerificationRevoked
from tests.services.notifications.story import Story, an_id

WITA = ZoneInfo("Asia/Makassar")


def bucket(story: Story, name: str = "a") -> Bucket:
    """Where a member's entry stands after the whole story, by the facts in an arbitrary order."""
    facts = random.Random(7).sample(story.facts, len(story.facts))
    return bucket_by_rule(facts, an_id(f"entry/{story.household}/{name}"))


def bucket_by_rule(facts: Sequence[Dated], entry_id: object) -> Bucket:
    words = [fact.event for fact in facts if isinstance(fact.event, CohortEntryResolved)]
    entry = max((word for word in words if word.entry_id == entry_id), key=lambda word: word.revision, default=None)
    return bucket_of(entry, state_of([fact for fact in facts if not isinstance(fact.event, CohortEntryResolved)]))


def verified(outcomes: Mapping[str, str]) -> Story:
    story = Story()
    story.registered(*outcomes)
    story.listed("a")
    story.opened()
    story.decided(outcomes)
    return story


def revoke(story: Story, number: int = 1) -> None:
    story.about(VerificationRevoked, case_id=an_id(f"case/{story.household}/{number}"), round=number)


def test_nobody_looked_at_the_row_yet() -> None:
    assert bucket_of(None, HouseholdState()) is Bucket.UNTOUCHED
    story = Story()
    story.listed("a", outcome="something-new")
    assert bucket(story) is Bucket.UNTOUCHED


def test_a_member_of_the_register_is_untouched_until_its_case_opens() -> None:
    story = Story()
    story.registered("a")
    story.listed("a")
    assert bucket(story) is Bucket.UNTOUCHED
    story.opened()
    assert bucket(story) is Bucket.IN_VERIFICATION


@pytest.mark.parametrize("outcome", ["damaged", "duplicate", "unmatched"])
def test_what_the_list_says_of_its_row_comes_first(outcome: str) -> None:
    story = Story()
    story.listed("a", outcome=outcome)
    story.decided({"a": "died"})
    assert bucket(story) == outcome
    story.listed("a", outcome="member", revision=2)
    assert bucket(story) is Bucket.DIED


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("died", Bucket.DIED),
        ("moved", Bucket.MOVED),
        ("duplicate", Bucket.DUPLICATE),
        ("unmatched", Bucket.UNMATCHED),
        ("not-found", Bucket.UNMATCHED),
    ],
)
def test_what_the_visit_found_of_a_member_counts_in_confirmed_and_in_rejected_families(
    outcome: str, expected: Bucket
) -> None:
    story = verified({"a": outcome, "b": "confirmed"})
    story.enrolled("a", "b")
    story.paid()
    assert bucket(story) is expected
    revoke(story)
    story.decided({"a": outcome, "b": "confirmed"}, category=None)
    assert bucket(story) is expected


def test_the_members_of_a_rejected_family_are_ineligible() -> None:
    story = Story()
    story.listed("a")
    story.opened()
    story.decided({"a": "confirmed"}, category=None)
    assert bucket(story) is Bucket.INELIGIBLE


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("died-out", Bucket.DIED),
        ("moved-away", Bucket.MOVED),
        ("merged", Bucket.DUPLICATE),
        ("entered-in-error", Bucket.UNMATCHED),
        ("a-new-word", Bucket.INELIGIBLE),
    ],
)
def test_a_withdrawn_household_takes_its_entries_along(reason: str, expected: Bucket) -> None:
    story = verified({"a": "confirmed"})
    story.about(HouseholdWithdrawn, reason=reason, revision=9)
    assert bucket(story) is expected


def test_confirmed_and_nothing_yet_is_waiting() -> None:
    story = verified({"a": "confirmed"})
    assert bucket(story) is Bucket.WAITING
    story.enrolled("a")
    assert bucket(story) is Bucket.WAITING
    story.about(AidFailed, **story.payment())
    assert bucket(story) is Bucket.WAITING


def test_a_decision_that_says_nothing_of_a_person_leaves_this_person_in_verification() -> None:
    assert bucket(verified({"b": "confirmed"})) is Bucket.IN_VERIFICATION


def test_money_or_a_service_serves_the_named_persons_only() -> None:
    story = verified({"a": "confirmed", "b": "confirmed"})
    story.listed("b")
    story.enrolled("a")
    story.paid()
    assert (bucket(story), bucket(story, "b")) == (Bucket.SERVED, Bucket.WAITING)


def test_a_programme_for_families_serves_the_whole_family() -> None:
    story = verified({"a": "confirmed", "b": "confirmed"})
    story.enrolled("b", unit="family", programme="UEP-2023", agency="dinkop-samarinda")
    story.about(
        ServiceDelivered,
        agency="dinkop-samarinda",
        programme="UEP-2023",
        enrolment_id=story.payment("UEP-2023")["enrolment_id"],
    )
    assert bucket(story) is Bucket.SERVED


def test_what_the_province_pays_serves_too_even_before_its_enrolment_is_heard() -> None:
    story = verified({"a": "confirmed"})
    story.paid(agency="dinsos-kaltim")
    assert bucket(story) is Bucket.SERVED


@pytest.mark.parametrize("back", [AidReturned, AidReversed])
def test_money_that_came_back_is_nothing(back: type[AidReturned] | type[AidReversed]) -> None:
    story = verified({"a": "confirmed"})
    story.enrolled("a")
    story.paid()
    story.about(back, rupiah=300_000, **story.payment())
    assert bucket(story) is Bucket.WAITING
    story.paid(number=2)
    assert bucket(story) is Bucket.SERVED


def test_a_part_that_came_back_leaves_a_person_served() -> None:
    story = verified({"a": "confirmed"})
    story.paid()
    story.about(AidReturned, rupiah=100_000, **story.payment())
    assert bucket(story) is Bucket.SERVED


def test_a_service_under_a_voided_enrolment_counts_for_nothing() -> None:
    story = verified({"a": "confirmed"})
    story.enrolled("a")
    story.about(ServiceDelivered, enrolment_id=story.payment()["enrolment_id"])
    assert bucket(story) is Bucket.SERVED
    story.about(EnrolmentVoided, enrolment_id=story.payment()["enrolment_id"])
    assert bucket(story) is Bucket.WAITING


def test_graduation_alone_is_no_exit() -> None:
    story = verified({"a": "confirmed"})
    story.enrolled("a")
    story.paid()
    story.about(HouseholdGraduated, enrolment_id=story.payment()["enrolment_id"])
    assert bucket(story) is Bucket.SERVED
    story.about(GraduationReversed, enrolment_id=story.payment()["enrolment_id"])
    assert bucket(story) is Bucket.SERVED


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("extreme-poor", Bucket.SERVED),
        ("poor", Bucket.EXITED),
        ("vulnerable", Bucket.EXITED),
        ("not-poor", Bucket.EXITED),
        ("a-new-word", Bucket.SERVED),
    ],
)
def test_exit_is_a_later_verification_better_than_extreme_poor(category: str, expected: Bucket) -> None:
    story = verified({"a": "confirmed"})
    story.enrolled("a")
    story.paid()
    story.opened(2)
    assert bucket(story) is Bucket.SERVED, "while the family is visited again, the first decision stands"
    story.decided({"a": "confirmed"}, number=2, category=category)
    assert bucket(story) is expected
    revoke(story, number=2)
    assert bucket(story) is Bucket.SERVED


def test_the_first_verification_is_no_exit_whatever_it_finds() -> None:
    story = Story()
    story.listed("a")
    story.decided({"a": "confirmed"}, category="not-poor")
    assert bucket(story) is Bucket.WAITING


def test_a_revoked_decision_is_to_be_taken_again() -> None:
    story = verified({"a": "confirmed"})
    story.enrolled("a")
    story.paid()
    revoke(story)
    assert bucket(story) is Bucket.IN_VERIFICATION


def test_an_expired_verification_stands_until_the_next_one() -> None:
    story = verified({"a": "confirmed"})
    story.about(VerificationExpired, case_id=an_id("case/household/1"), round=1)
    assert bucket(story) is Bucket.WAITING


def test_a_case_that_was_closed_undecided_is_no_verification() -> None:
    story = Story()
    story.registered("a")
    story.listed("a")
    story.opened()
    story.about(VerificationClosed, case_id=an_id("case/household/1"), round=1, reason="moved-away")
    assert bucket(story) is Bucket.UNTOUCHED


STEPS: list[Callable[[Story, str], object]] = [
    lambda story, name: story.listed(name),
    lambda story, name: story.listed(name, outcome="damaged", revision=2),
    lambda story, name: story.listed(name, outcome="member", revision=3),
    lambda story, _: story.registered("a", "b", "c"),
    lambda story, _: story.opened(),
    lambda story, name: story.decided({name: "confirmed"}),
    lambda story, name: story.decided({name: "moved"}, category=None),
    lambda story, name: story.decided({name: "confirmed"}, number=2, category="poor"),
    lambda story, _: revoke(story),
    lambda story, name: story.enrolled(name),
    lambda story, _: story.paid(),
    lambda story, _: story.about(AidReversed, rupiah=300_000, **story.payment()),
    lambda story, _: story.about(HouseholdWithdrawn, reason="moved-away", revision=8),
    lambda story, _: story.about(HouseholdGraduated, enrolment_id=story.payment()["enrolment_id"]),
]
HISTORIES = st.lists(st.tuples(st.sampled_from("hij"), st.sampled_from("abc"), st.sampled_from(STEPS)), max_size=25)


def told(history: list[tuple[str, str, Callable[[Story, str], object]]]) -> list[Story]:
    stories = {household: Story(household) for household in "hij"}
    for household, name, step in history:
        step(stories[household], name)
    return list(stories.values())


@settings(deadline=None)
@given(history=HISTORIES, unseen=st.integers(0, 9), day=st.integers(-1, 30))
def test_the_buckets_sum_to_the_baseline_after_any_history(
    history: list[tuple[str, str, Callable[[Story, str], object]]], unseen: int, day: int
) -> None:
    stories = told(history)
    rows = {
        fact.event.entry_id for story in stories for fact in story.facts if isinstance(fact.event, CohortEntryResolved)
    }
    baseline = len(rows) + unseen
    end = end_of(date(2022, 12, 5) + timedelta(days=day), WITA)
    counted = Counter(
        span.value.bucket
        for story in stories
        for words, households in [parts_of(story)]
        for each in words.values()
        for span in entry_history(each, households)
        if span.since < end and (span.until is None or span.until >= end)
    )
    buckets = complete(counted, baseline)
    assert set(buckets) == set(Bucket)
    assert sum(buckets.values()) == baseline
    assert min(buckets.values()) >= 0


@settings(deadline=None)
@given(history=HISTORIES, day=st.integers(-1, 30), order=st.randoms())
def test_the_spans_say_what_the_rule_says_on_any_day_in_whatever_order_facts_came(
    history: list[tuple[str, str, Callable[[Story, str], object]]], day: int, order: random.Random
) -> None:
    end = end_of(date(2022, 12, 5) + timedelta(days=day), WITA)
    for story in told(history):
        order.shuffle(story.facts)
        words, households = parts_of(story)
        for entry_id, each in words.items():
            held = [
                span.value.bucket
                for span in entry_history(each, households)
                if span.since < end and (span.until is None or span.until >= end)
            ]
            known = as_of(story.facts, end)
            heard_of = any(word.at < end for word in each)
            assert held == ([bucket_by_rule(known, entry_id)] if heard_of else [])


def parts_of(story: Story):  # type: ignore[no-untyped-def]
    """The words about each entry, and the history of the household, as the projections hold them."""
    words: dict[object, list[Dated]] = {}
    for fact in story.facts:
        if isinstance(fact.event, CohortEntryResolved):
            words.setdefault(fact.event.entry_id, []).append(fact)
    others = [fact for fact in story.facts if not isinstance(fact.event, CohortEntryResolved)]
    return words, {story.household_id: history_of(others)}


@settings(deadline=None)
@given(history=HISTORIES, order=st.randoms())
def test_a_history_told_fact_by_fact_is_that_of_all_facts_until_each_moment(
    history: list[tuple[str, str, Callable[[Story, str], object]]], order: random.Random
) -> None:
    for story in told(history):
        moments = sorted({fact.at for fact in story.facts})
        anew = [state_of([fact for fact in story.facts if fact.at <= moment]) for moment in moments]
        order.shuffle(story.facts)
        spans = history_of(story.facts)
        held = [next(span.value for span in reversed(spans) if span.since <= moment) for moment in moments]
        assert held == anew
        assert all(span.until == later.since for span, later in pairwise(spans))
        assert all(span.value != later.value for span, later in pairwise(spans))
