"""The directory is asked seldom: who may announce may do so for a moment, and who may not is asked about again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest

from shared.messaging.hearing import _RemembersConsent

QUESTION = ("intake", "dinsos-samarinda", "64.72.05.1001", date(2026, 11, 27))


@dataclass
class Directory:
    """Says what it is told to say, and remembers how often it was asked."""

    consents: bool
    asked: list[str] = field(default_factory=list)

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:  # noqa: ARG002
        self.asked.append(agency)
        return self.consents


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consent is remembered for as long as a test takes."""
    monkeypatch.setattr("shared.messaging.hearing.CONSENT_SECONDS", 3_600)


@pytest.mark.usefixtures("moment")
def test_who_may_announce_is_asked_about_once_in_a_moment() -> None:
    directory = Directory(consents=True)
    remembering = _RemembersConsent(directory)
    for _records_that_are_read_together in range(3):
        remembering.forget_in_time()
        assert remembering.may_announce(*QUESTION)
    assert len(directory.asked) == 1


def test_after_a_moment_the_directory_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.messaging.hearing.CONSENT_SECONDS", -1)
    directory = Directory(consents=True)
    remembering = _RemembersConsent(directory)
    assert remembering.may_announce(*QUESTION)
    directory.consents = False
    remembering.forget_in_time()
    assert not remembering.may_announce(*QUESTION)


@pytest.mark.usefixtures("moment")
def test_an_agency_that_joins_is_heard_at_once() -> None:
    directory = Directory(consents=False)
    remembering = _RemembersConsent(directory)
    remembering.forget_in_time()
    assert not remembering.may_announce(*QUESTION)
    directory.consents = True
    assert remembering.may_announce(*QUESTION)
