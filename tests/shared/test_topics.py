"""Names on the bus: each says one deployment, and no prefix or pattern reaches another's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import topics
from shared.events.topics import Announcer

codes = st.from_regex(topics.AGENCY_CODE, fullmatch=True).filter(topics.is_agency_code)
services = st.sampled_from(topics.SERVICES)


@given(service=services, agency=codes)
def test_a_topic_says_who_announces_on_it(service: str, agency: str) -> None:
    assert topics.parse_topic(topics.fact_topic("city", service, agency), "city") == Announcer(service, agency, "facts")
    profiles = topics.profiles_topic("city", service, agency)
    assert topics.parse_topic(profiles, "city") == Announcer(service, agency, "profiles")


@pytest.mark.parametrize(
    "topic",
    [
        "tuntas",
        "tuntas.",
        "tuntas.intake",
        "tuntas.intake.",
        "tuntas.intake.Dinsos",
        "tuntas.intake.a.b",
        "tuntas.kitchen.dinsos-samarinda",
        "tuntas2.intake.dinsos-samarinda",
        "xtuntas.intake.dinsos-samarinda",
        "tuntas.intake.dinsos_samarinda",
        "tuntas-profiles-x.intake.dinsos-samarinda",
        "tuntas.intake.-x",
        "",
    ],
)
def test_a_foreign_name_is_nobodys(topic: str) -> None:
    assert topics.parse_topic(topic, "tuntas") is None
    assert not re.match(topics.subscription_pattern("tuntas"), topic)
    assert not re.match(topics.facts_pattern("tuntas"), topic)


@given(service=services, agency=codes)
def test_patterns_match_what_they_name_and_facts_never_reach_profiles(service: str, agency: str) -> None:
    fact, profiles = topics.fact_topic("city", service, agency), topics.profiles_topic("city", service, agency)
    assert re.match(topics.facts_pattern("city"), fact)
    assert re.match(topics.subscription_pattern("city"), fact)
    assert re.match(topics.subscription_pattern("city"), profiles)
    assert not re.match(topics.facts_pattern("city"), profiles)
    assert fact.startswith(topics.fact_prefix("city"))
    assert not profiles.startswith(topics.fact_prefix("city"))


@given(one=codes, other=codes, service=services)
def test_no_deployments_group_prefix_covers_anothers_group(one: str, other: str, service: str) -> None:
    prefix = topics.side_group_prefix("city", service, one)
    assert topics.consumer_group("city", service, one) != prefix
    if one != other:
        assert not topics.consumer_group("city", service, other).startswith(prefix)
        assert not topics.side_group_prefix("city", service, other).startswith(prefix)


@pytest.mark.parametrize(
    ("root", "service", "agency"),
    [
        ("tuntas", "kitchen", "dinsos"),
        ("tuntas", "intake", "Dinsos"),
        ("tuntas", "intake", "a.b"),
        ("tuntas", "intake", "a" * 41),
        ("a.b", "intake", "dinsos"),
        ("", "intake", "dinsos"),
        ("tuntas-profiles", "intake", "dinsos"),
    ],
)
def test_a_bad_name_is_refused_where_it_is_made(root: str, service: str, agency: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        topics.fact_topic(root, service, agency)
