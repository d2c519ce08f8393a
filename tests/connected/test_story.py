"""The whole story, played over HTTP, Kafka and PostgreSQL by a small city, against the answers it was made from."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import date

import pytest

from local.story.chapters.province import AGENCY as PROVINCE
from local.story.chapters.province import PROGRAMME as OF_PROVINCE
from shared.events.intake import HouseholdRegistered
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    EnrolmentResumed,
    EnrolmentSuspended,
    EnrolmentVoided,
    FundLineExhausted,
    GraduationProposed,
    HouseholdEnrolled,
    HouseholdGraduated,
    OfferDeclined,
    ServiceDelivered,
    SlotFilled,
    SlotOffered,
    SlotReleased,
)
from shared.events.verification import HouseholdRejected, HouseholdVerified, VerificationRevoked
from tests.connected.expected import FAMILY_RUPIAH, PERSON_RUPIAH, Expected
from tests.connected.small_city import EventClass, Fact, Played

COHORT = "P3KE-9000"


def test_the_figures_are_those_of_the_answers(played: Played) -> None:
    expected = Expected(played.truth)
    assert {name: getattr(played.report, name) for name in expected.report} == expected.report
    for programme, figures in (("BLT-2022", expected.cash), ("UEP-2023", expected.business)):
        assert played.report.by_programme[programme].items() >= figures.items()
    assert played.report.by_programme["RTLH-2023"].items() >= expected.houses.items()


def test_everybody_whom_a_visit_confirmed_was_paid_or_refused_by_the_bank(played: Played) -> None:
    cash = played.report.by_programme["BLT-2022"]
    assert cash["persons_paid"] + cash["persons_failed"] == played.truth.cohort["persons_confirmed"]
    assert cash["rupiah_disbursed"] == PERSON_RUPIAH * cash["persons_paid"]


def test_the_buckets_of_the_closed_list_sum_to_its_baseline(played: Played) -> None:
    buckets = dict(played.report.cohort.buckets)
    assert sum(buckets.values()) == played.report.cohort.baseline == played.truth.cohort["baseline_persons"]
    reached = buckets.pop("served") + buckets.pop("waiting") + buckets.pop("exited")
    expected = dict(played.truth.cohort["buckets"])
    assert reached == expected.pop("confirmed")
    assert {name: persons for name, persons in buckets.items() if persons} == expected


@pytest.mark.parametrize(
    ("day", "bucket"),
    [("2022-12-13", "in_verification"), ("2022-12-17", "waiting"), ("2022-12-31", "served")],
)
async def test_the_board_shows_the_list_as_it_stood_on_a_day(played: Played, day: str, bucket: str) -> None:
    coordinator = played.desk("notifications", "dinsos-samarinda", "koordinator-tkpk")
    then = await coordinator.get(f"/api/v1/cohorts/{COHORT}/buckets", as_of=day)
    assert sum(then["buckets"].values()) == played.truth.cohort["baseline_persons"]
    assert max(then["buckets"], key=lambda name: int(then["buckets"][name])) == bucket


def test_reconcile_finds_nothing(played: Played) -> None:
    assert set(asdict(played.report.reconcile).values()) == {0}


def test_the_house_too_many_is_refused_with_the_line_named(played: Played) -> None:
    assert any("APBD-2023/64.72/RTLH" in refusal for refusal in played.report.refusals)
    assert [fact.data["fund_line"] for fact in _of(played.facts, FundLineExhausted)] == ["APBD-2023/64.72/RTLH"]


def test_facts_add_up_to_the_same(played: Played) -> None:
    facts, expected = played.facts, Expected(played.truth)
    assert len(_of(facts, HouseholdRegistered)) == expected.report["families_registered"]
    verified = [fact.data["household_id"] for fact in _of(facts, HouseholdVerified)]
    assert len(set(verified)) == expected.report["families_verified"] == len(verified) - 1, "one was verified twice"
    assert len(_of(facts, HouseholdRejected)) == expected.report["families_rejected"]
    paid = Counter[str]()
    for fact in _of(facts, AidDisbursed):
        paid[fact.data["programme"]] += fact.data["rupiah"]
    assert paid == {
        "BLT-2022": expected.cash["rupiah_disbursed"],
        "UEP-2023": expected.business["rupiah_disbursed"],
        "RTLH-2023": expected.houses["rupiah_disbursed"],
    }
    entitlements = [fact.data["entitlement_id"] for fact in _of(facts, AidDisbursed)]
    assert len(set(entitlements)) == len(entitlements) == expected.report["disbursements"]
    refused = sum(bool(family.later.bank_refuses) for family in played.truth.verified)
    assert len(_of(facts, AidFailed)) == refused + expected.cash["enrolments"] - expected.cash["disbursements"]


def test_one_correlation_id_runs_from_a_graduation_to_the_successor(played: Played) -> None:
    facts = played.facts
    by_correlation = defaultdict(list)
    for fact in facts:
        by_correlation[fact.correlation].append(fact)
    graduated = _of(facts, HouseholdGraduated)
    assert len(graduated) == Expected(played.truth).graduations > 0
    let_go = 0
    for leaving in graduated:
        run = by_correlation[leaving.correlation]
        assert _one(run, GraduationProposed).data["household_id"] == leaving.data["household_id"]
        assert _one(run, SlotReleased).data["slot_id"] == leaving.data["slot_id"]
        filled, enrolled = _one(run, SlotFilled), _one(run, HouseholdEnrolled)
        assert filled.data["succeeds"] == leaving.data["household_id"] != filled.data["household_id"]
        assert filled.data["enrolment_id"] == enrolled.data["enrolment_id"]
        ended = [fact.data["offer_id"] for fact in _of(run, OfferDeclined)]
        assert len(_of(run, SlotOffered)) == len(ended) + 1
        let_go += sum(fact.data["reason"] == "expired" for fact in _of(run, OfferDeclined))
    assert let_go >= 1, "the first family that was asked does not answer"


def test_a_voided_enrolment_returns_its_place_and_its_money(played: Played) -> None:
    facts = played.facts
    [voided] = _of(facts, EnrolmentVoided)
    assert voided.data["returned_rupiah"] == FAMILY_RUPIAH
    released = next(fact for fact in _of(facts, SlotReleased) if fact.data["reason"] == "voided")
    assert released.data["slot_id"] == voided.data["slot_id"]
    succeeds = [fact.data.get("succeeds") for fact in _of(facts, SlotFilled)]
    assert voided.data["household_id"] in succeeds


def test_an_enrolment_rests_while_its_verification_is_revoked(played: Played) -> None:
    facts = played.facts
    revoked, suspended = _one(facts, VerificationRevoked), _one(facts, EnrolmentSuspended)
    assert suspended.data["household_id"] == revoked.data["household_id"]
    assert suspended.data["reason"] == "verification-revoked"
    assert suspended.correlation == revoked.correlation
    assert _one(facts, EnrolmentResumed).data["enrolment_id"] == suspended.data["enrolment_id"]


def test_every_family_that_graduated_was_coached(played: Played) -> None:
    facts = played.facts
    coached = {fact.data["enrolment_id"] for fact in _of(facts, ServiceDelivered)}
    assert {fact.data["enrolment_id"] for fact in _of(facts, HouseholdGraduated)} <= coached


def test_what_the_province_gives_stands_on_the_household(played: Played) -> None:
    [theirs] = [fact for fact in _of(played.facts, HouseholdEnrolled) if fact.data["programme"] == OF_PROVINCE]
    assert theirs.headers["ce_source"] == f"/agencies/{PROVINCE}/programs"
    assert "ce_sequence" not in theirs.headers


async def test_days_of_the_board_are_business_days(played: Played) -> None:
    coordinator = played.desk("notifications", "dinsos-samarinda", "koordinator-tkpk")
    days = await coordinator.get("/api/v1/regions/64.72/days", **{"from": "2022-12-01", "to": "2022-12-31"})
    by_day = {date.fromisoformat(day["day"]): day["total"] for day in days}
    assert by_day[date(2022, 12, 4)]["registered"]["families"] == 0
    assert by_day[date(2022, 12, 5)]["registered"]["families"] == played.truth.register["families_registered"]
    assert by_day[date(2022, 12, 16)]["verified"]["persons"] == played.truth.cohort["persons_confirmed"]
    assert by_day[date(2022, 12, 16)]["served"]["families"] == 0


def _of(facts: list[Fact], event: EventClass) -> list[Fact]:
    return [fact for fact in facts if fact.is_a(event)]


def _one(facts: list[Fact], event: EventClass) -> Fact:
    [fact] = _of(facts, event)
    return fact
