"""What may travel on a fact topic, which everybody reads and nobody can erase."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.events.envelope import Event
from shared.events.fields import FACT_KINDS, OutcomeOfMember
from shared.events.intake import MemberProfile
from shared.events.topics import PROFILE_SERVICES
from tests.contracts.kinds import EVENTS, fields_of, leaves, parts_of

FACTS = [pytest.param(event, id=event.__name__) for event in EVENTS if event.kind == "facts"]
PROFILES = [event for event in EVENTS if event.kind == "profiles"]
# Words that would tell something of a person; none is a field of a fact, whatever its kind.
OF_A_PERSON = {
    "name", "nik", "national_id", "family_card_number", "address", "phone", "birth_date", "birth_year", "sex",
    "disability", "pregnant", "illness", "decile", "income_per_person_rupiah", "account", "relation", "housing",
}  # fmt: skip


@pytest.mark.parametrize("event", FACTS)
def test_a_fact_is_made_of_allowed_kinds_only(event: type[Event]) -> None:
    strange = {
        f"{part.__name__}.{name}": leaf
        for part in parts_of(event)
        for name, kind in fields_of(part).items()
        for leaf in leaves(kind)
        if leaf is not type(None) and leaf not in FACT_KINDS
    }
    assert strange == {}, "see FACT_KINDS in shared/events/fields.py and docs/adding-an-event.md"


@pytest.mark.parametrize("event", FACTS)
def test_a_fact_says_nothing_of_a_person(event: type[Event]) -> None:
    said = {name for part in parts_of(event) for name in fields_of(part)}
    assert not said & OF_A_PERSON


def test_the_only_thing_a_fact_says_of_a_member_is_the_outcome_of_a_visit() -> None:
    about_a_member = {
        part
        for event in EVENTS
        if event.kind == "facts"
        for part in parts_of(event)
        if part is not event and "member_id" in fields_of(part)
    }
    assert about_a_member == {OutcomeOfMember}
    assert set(fields_of(OutcomeOfMember)) == {"member_id", "outcome"}


def test_no_kind_of_fact_is_free_text() -> None:
    assert str not in FACT_KINDS
    assert float not in FACT_KINDS
    texts = [kind for kind in FACT_KINDS if getattr(kind, "__origin__", None) is str]
    assert texts
    for kind in texts:
        assert any(getattr(each, "pattern", None) for field in kind.__metadata__ for each in field.metadata), kind


def test_profiles_are_of_a_household_and_revised() -> None:
    assert PROFILES
    for event in PROFILES:
        assert event.announcer in PROFILE_SERVICES
        assert event.subject_kind == "household"
        assert {"household_id", "region", "revision"} <= set(fields_of(event))
        assert MemberProfile in parts_of(event)


@pytest.mark.parametrize("event", FACTS)
def test_a_fact_says_where_so_that_authority_can_be_judged(event: type[Event]) -> None:
    assert event.region_field in event.model_fields


@pytest.mark.parametrize("event", FACTS)
def test_the_key_of_a_fact_about_a_household_is_the_household(event: type[Event]) -> None:
    example = event.from_example()
    assert isinstance(example.subject_id, UUID)
    if event.subject_kind == "household" and event.subject_field == "household_id":
        assert str(example.subject_id) == event.example["household_id"]
