"""Who may be enrolled: a refusal lists every reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.programs.rules.eligibility import collides, may_be_paid, may_enrol
from services.programs.rules.household import Held, HeldStatus, Household, VerificationStatus
from services.programs.rules.predicates import Asked, MemberWith
from tests.services.programs.rules.facts import TODAY, A, B, C, held, household, programme, verified


def test_a_confirmed_family_of_the_list_may_enter() -> None:
    assert may_enrol(programme(), household(), [], TODAY).allowed


@pytest.mark.parametrize(
    ("family", "reasons"),
    [
        (household(cohorts={}), ["outside-cohort", "too-few-confirmed-members"]),
        (household(cohorts={"P3KE-9000": frozenset({C})}), ["too-few-confirmed-members"]),
        (household(region="64.71.01.1001"), ["outside-region"]),
        (household(withdrawn=True), ["household-withdrawn"]),
        (household(duplicate_open=True), ["duplicate-open"]),
        (household(verification=None), ["not-verified", "too-few-confirmed-members"]),
        (
            household(verification=verified(status=VerificationStatus.REJECTED)),
            ["verification-rejected", "too-few-confirmed-members"],
        ),
        (
            household(verification=verified(status=VerificationStatus.REVOKED)),
            ["verification-revoked", "too-few-confirmed-members"],
        ),
        (household(verification=verified(valid_until=date(2023, 2, 28))), ["verification-expired"]),
        (household(verification=verified(category="poor")), ["category-not-served"]),
        (household(verification=verified(confirmed=frozenset())), ["too-few-confirmed-members"]),
        (
            household(cohorts={}, duplicate_open=True, verification=None),
            ["outside-cohort", "duplicate-open", "not-verified", "too-few-confirmed-members"],
        ),
    ],
)
def test_a_refusal_lists_every_reason(family: Household, reasons: list[str]) -> None:
    assert may_enrol(programme(), family, [], TODAY).codes == reasons


@pytest.mark.parametrize(
    ("changes", "today", "reasons"),
    [
        ({"status": "closed"}, TODAY, ["programme-not-active"]),
        ({"status": "pending-regulation"}, TODAY, ["programme-not-active"]),
        ({}, date(2022, 12, 4), ["outside-programme-period"]),
        ({"valid_to": date(2023, 2, 28)}, TODAY, ["outside-programme-period"]),
        ({"valid_to": TODAY}, TODAY, []),
    ],
)
def test_a_programme_runs_in_its_period(changes: dict[str, Any], today: date, reasons: list[str]) -> None:
    assert may_enrol(programme(**changes), household(), [], today).codes == reasons


@pytest.mark.parametrize(
    ("predicate", "profile", "reasons"),
    [
        ({"kind": "decile-at-most", "decile": 1}, {}, []),
        ({"kind": "decile-at-most", "decile": 1}, {"decile": 2}, ["decile-above-limit"]),
        ({"kind": "decile-at-most", "decile": 1}, {"decile": None}, ["decile-unknown"]),
        ({"kind": "verified-fact", "fact": "owns_land"}, {"owns_land": False}, ["owns-land-not-met"]),
        ({"kind": "verified-fact", "fact": "unfit_house"}, {"unfit_house": None}, ["unfit-house-unknown"]),
        ({"kind": "verified-fact", "fact": "has_business", "must_be": False}, {}, ["has-business-not-met"]),
        ({"kind": "tenure-in", "tenures": ["own"]}, {}, []),
        ({"kind": "tenure-in", "tenures": ["own"]}, {"tenure": "rent"}, ["tenure-not-served"]),
        ({"kind": "tenure-in", "tenures": ["own"]}, {"tenure": None}, ["tenure-unknown"]),
        ({"kind": "income-per-person-at-most", "rupiah": 300_000}, {}, []),
        ({"kind": "income-per-person-at-most", "rupiah": 299_999}, {}, ["income-above-limit"]),
        ({"kind": "income-per-person-at-most", "rupiah": 1}, {"income_per_person_rupiah": None}, ["income-unknown"]),
        ({"kind": "region-within", "regions": ["64.72.05"]}, {}, []),
        ({"kind": "region-within", "regions": ["64.72.01"]}, {}, ["outside-region"]),
        ({"kind": "confirmed-members", "at_least": 3}, {}, ["too-few-confirmed-members"]),
    ],
)
def test_each_condition_answers_why(predicate: dict[str, Any], profile: dict[str, Any], reasons: list[str]) -> None:
    family = household()
    family = replace(family, profile=replace(family.profile, **profile))
    asked = programme(eligibility=[predicate | {"source": "a test"}])
    assert may_enrol(asked, family, [], TODAY).codes == reasons


@pytest.mark.parametrize(
    ("states", "fits"),
    [
        ({"sex": "female", "age_from": 18, "age_to": 59}, True),
        ({"sex": "female", "age_from": 39}, False),
        ({"sex": "male", "age_from": 18}, False),
        ({"relations": ["head"], "works": True}, True),
        ({"at_school": True}, True),
        ({"disability": True}, False),
    ],
)
def test_a_member_must_fit_everything_at_once(states: dict[str, Any], fits: bool) -> None:
    predicate = MemberWith.model_validate({"kind": "member-with", "source": "a test", **states})
    found = list(predicate.unmet(Asked(household(), (), None, TODAY)))
    assert (found == []) is fits


def test_an_unconfirmed_member_fits_nothing() -> None:
    predicate = MemberWith(kind="member-with", source="a test", sex="female")
    family = household(verification=verified(confirmed=frozenset({B})))
    assert [each.code for each in predicate.unmet(Asked(family, (), None, TODAY))] == ["no-member-fits"]


@pytest.mark.parametrize(
    ("other", "excluded"),
    [
        (held(), True),
        (held(programme="KUBE-2023", benefit_kind=None), True),
        (held(programme="PKH", benefit_kind="cash"), False),
        (held(status=HeldStatus.SUSPENDED), True),
        (held(status=HeldStatus.ENDED), False),
        (held(status=HeldStatus.VOIDED), False),
        (held(agency="dinkop-samarinda", programme="UEP-2023"), False),
    ],
)
def test_what_may_not_be_held_together(other: Held, excluded: bool) -> None:
    assert collides(programme("uep-samarinda-2023"), other) is excluded


def test_an_exclusion_may_reach_into_the_past() -> None:
    ever = {"benefit_kinds": ["capital-grant"], "ever": True, "source": "a test"}
    once = programme("uep-samarinda-2023", exclusions=[ever])
    assert collides(once, held(status=HeldStatus.GRADUATED))
    assert not collides(once, held(status=HeldStatus.VOIDED))


@pytest.mark.parametrize("status", [HeldStatus.ACTIVE, HeldStatus.ENDED, HeldStatus.GRADUATED])
def test_a_house_is_repaired_once(status: HeldStatus) -> None:
    before = held(programme="RST-2020", benefit_kind="housing", status=status)
    assert may_enrol(programme("bedah-rumah-samarinda-2023"), household(), [before], TODAY).codes == ["helped-before"]


def test_one_enrolment_at_a_time() -> None:
    own = held(agency="dinsos-samarinda", programme="BLT-2022", benefit_kind="cash")
    assert may_enrol(programme(), household(), [own], TODAY).codes == ["already-enrolled"]


@pytest.mark.parametrize(
    ("family", "reasons"),
    [
        (household(), []),
        (household(verification=verified(category="not-poor")), []),
        (household(duplicate_open=True), ["duplicate-open"]),
        (household(verification=verified(confirmed=frozenset({C, A}))), []),
        (household(verification=verified(confirmed=frozenset())), ["no-confirmed-member"]),
        (household(members=frozenset()), ["no-confirmed-member"]),
    ],
)
def test_payment_asks_again_for_what_money_needs(family: Household, reasons: list[str]) -> None:
    assert may_be_paid(programme(), family, []).codes == reasons
