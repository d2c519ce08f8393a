"""A wrong subscription, or a wrong file of people, is found where the mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from services.notifications.handlers import facts, router
from services.notifications.people import PeopleFile
from services.notifications.subscriptions import SHIPPED, subscriptions
from shared.events.contracts import CONTRACTS

RIGHT = {
    "event": "QuotaThresholdReached",
    "text": "inbox.quota-threshold",
    "cause": ["quota_id"],
    "to": [{"role": "coordinator", "agency": "own"}],
    "values": ["programme", "places", "taken", "threshold_percent"],
    "link": "/?region={region}",
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"event": "NobodyEverSaidThis"}, "no event is called"),
        ({"event": "HouseholdProfile"}, "no event is called"),
        ({"cause": ["colour"]}, "has no colour"),
        ({"values": ["programme"]}, "which are no values"),
        ({"text": "inbox.of-another-planet"}, "inbox.of-another-planet"),
        ({"to": [{"role": "king", "agency": "own"}]}, "proposer"),
        ({"to": []}, "at least 1"),
        ({"due_days": -1}, "greater than or equal"),
    ],
)
def test_a_wrong_subscription_fails_at_the_start(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    path = tmp_path / "subscriptions.yaml"
    path.write_text(yaml.safe_dump({"subscriptions": [RIGHT | change]}), encoding="utf-8")
    with pytest.raises((ValidationError, LookupError), match=complaint):
        subscriptions(path)


def test_the_shipped_subscriptions_are_right() -> None:
    assert {each.event for each in subscriptions(SHIPPED)} == set(router.reactions)


def test_every_fact_that_anybody_announces_is_kept() -> None:
    announced = {event for event in CONTRACTS.values() if event.kind == "facts"}
    assert set(router.projections) == announced
    assert not set(facts.MOVES_A_HOUSEHOLD) & set(facts.KEPT_ONLY)


def test_people_are_read_again_when_the_file_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    people = PeopleFile(path)
    assert people.people() == ()
    entry = {"subject": "a", "agency": "dinsos-samarinda", "roles": ["coordinator"], "regions": ["64.72"], "title": "-"}
    path.write_text(yaml.safe_dump({"people": [entry]}), encoding="utf-8")
    assert [each.principal for each in people.people()] == ["dinsos-samarinda/a"]
    path.write_text("people: [{subject: a}]", encoding="utf-8")
    assert [each.principal for each in people.people()] == ["dinsos-samarinda/a"], "a wrong file leaves the last one"
    path.write_text(yaml.safe_dump({"people": [entry, entry | {"subject": "b"}]}), encoding="utf-8")
    assert len(people.people()) == 2
