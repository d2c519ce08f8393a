"""The codes that events carry stand in dated lists with a text in both languages and a source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from services.intake.rules import admission, closed_lists
from services.intake.rules.columns import WORDS
from services.programs.rules.programme import FundLine, Programme, RankBy
from services.verification.forms import forms
from services.verification.rules import decisions, scoring, states
from services.verification.rules.facts import VisitFacts
from shared.events.codes import code_lists, is_listed, lists_of_field
from shared.events.envelope import Event
from tests.contracts.kinds import EVENTS, coded_fields, codes_in

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 1, 1)
FIELDS = sorted({field for event in EVENTS for field in coded_fields(event)})
PROGRAMMES = sorted((ROOT / "services/programs/programmes").glob("*.yaml"))
HOUSING = {
    "tenure": "status_kepemilikan_rumah",
    "floor": "jenis_lantai_terluas",
    "wall": "jenis_dinding_terluas",
    "roof": "jenis_atap_terluas",
    "toilet": "fasilitas_bab",
    "water": "sumber_air_minum_utama",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_coded_field_has_its_list(field: str) -> None:
    assert lists_of_field(field), f"name {field} in a file of shared/events/codes"


def test_no_list_is_of_a_field_that_is_not_there() -> None:
    named = {field for each in code_lists().values() for field in each.fields}
    assert named - set(FIELDS) == set()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_the_codes_of_examples_are_listed(event: type[Event]) -> None:
    assert unlisted(codes_in(event.example, event)) == []


@pytest.mark.parametrize("name", sorted(code_lists()))
def test_a_list_is_told_in_both_languages(name: str) -> None:
    of_list = code_lists()[name]
    assert of_list.title.id
    for code, listed in of_list.codes.items():
        assert listed.id[0].isupper() or listed.id[0].isdigit(), f"{name}: {code}"
        assert listed.en[0].isupper() or listed.en[0].isdigit(), f"{name}: {code}"
        assert listed.valid_to is None or listed.valid_from < listed.valid_to
        assert of_list.text(code, "id") == listed.id
    assert of_list.text("never-heard-of", "en") == "never-heard-of"


@pytest.mark.parametrize("name", sorted(code_lists()))
def test_no_two_codes_of_a_list_read_the_same(name: str) -> None:
    codes = code_lists()[name].codes
    for locale in ("id", "en"):
        texts = [getattr(listed, locale) for listed in codes.values()]
        assert len(set(texts)) == len(texts)


def test_a_code_is_listed_from_its_day_on() -> None:
    assert is_listed("HouseholdRejected.reasons", "refused", date(2022, 1, 1))
    assert not is_listed("HouseholdRejected.reasons", "refused", date(2021, 12, 31))
    assert not is_listed("HouseholdRejected.reasons", "owns-a-castle", TODAY)


def test_intake_says_listed_codes_only() -> None:
    said: dict[str, Iterable[str]] = {
        "MemberProfile.relation": WORDS["status_hubungan_keluarga"].values(),
        "HouseholdRegistered.without_card_reason": WORDS["alasan_tanpa_kk"].values(),
        "DuplicateSuspected.reasons": [admission.NIK_TAKEN],
        "CohortEntryResolved.reasons": [
            closed_lists.EARLIER_ON_LIST, closed_lists.HELD_IN_REGISTER, closed_lists.NO_REGISTRY_MATCH,
            closed_lists.NOT_IN_REGISTER, *refusals_of(ROOT / "services/intake/rules"),
        ],
        "HouseholdUpdated.reason": words_among("CorrectionReason"),
        "HouseholdWithdrawn.reason": words_among("WithdrawalReason"),
        "DuplicateResolved.resolution": words_among("Resolution"),
        **{f"Housing.{field}": WORDS[column].values() for field, column in HOUSING.items()},
    }  # fmt: skip
    assert unlisted(pairs(said)) == []


def test_verification_says_listed_codes_only() -> None:
    said: dict[str, Iterable[str]] = {
        "HouseholdRejected.reasons": decisions.REJECTION_REASONS,
        "VerificationRevoked.reason": decisions.REVOCATION_REASONS,
        "VerificationClosed.reason": states.CLOSING_REASONS,
        "HouseholdVerified.rule": [each.stem for each in (ROOT / "services/verification/scoring").glob("*.yaml")],
        "VisitRecorded.questionnaire": [
            each.stem for each in (ROOT / "services/verification/questionnaires").glob("*.yaml")
        ],
        "HouseholdVerified.reasons": public_reasons(),
    }
    assert said["HouseholdVerified.reasons"]
    assert unlisted(pairs(said)) == []


@pytest.mark.parametrize("path", PROGRAMMES, ids=lambda path: path.stem)
def test_a_programme_file_uses_listed_codes_only(path: Path) -> None:
    programme = Programme.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    graduation = programme.graduation
    said: dict[str, Iterable[str]] = {
        "ProgrammePublished.benefit_kind": [programme.benefit.kind],
        "ProgrammePublished.strategy": [programme.strategy],
        "FundLineOpened.source": [line.funding for line in programme.fund_lines],
        "HouseholdWaitlisted.ranked_by": programme.ranking,
        "ServiceDelivered.service": programme.services,
        "HouseholdGraduated.reason": graduation.reasons if graduation else [],
    }
    assert unlisted(pairs(said)) == []


def test_programs_knows_no_word_that_is_not_listed() -> None:
    said = {
        "FundLineOpened.source": words_of(FundLine, "funding"),
        "ProgrammePublished.strategy": words_of(Programme, "strategy"),
        "HouseholdWaitlisted.ranked_by": get_args(RankBy),
    }
    assert unlisted(pairs(said)) == []


@pytest.mark.parametrize("service", ["intake", "verification", "programs", "notifications"])
def test_a_code_written_where_an_event_is_made_is_listed(service: str) -> None:
    by_name = {event.__name__: event for event in EVENTS}
    said = [
        (f"{call.func.id}.{word.arg}", code)
        for path in (ROOT / "services" / service).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in by_name
        for word in call.keywords
        if f"{call.func.id}.{word.arg}" in FIELDS
        for code in literals(word.value)
    ]
    assert unlisted(said) == []


def literals(node: ast.expr) -> Iterator[str]:
    """The texts that an argument is, alone, in a list or by choice; not those that only lead to it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.List | ast.Tuple):
        for each in node.elts:
            yield from literals(each)
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def unlisted(said: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted({(field, code) for field, code in said if not is_listed(field, code, TODAY)})


def pairs(said: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    return [(field, code) for field, codes in said.items() for code in codes]


def words_of(model: Any, field: str) -> tuple[str, ...]:
    words = get_args(model.model_fields[field].annotation)
    assert words
    return words


def words_among(name: str) -> list[str]:
    """The words that intake's bodies accept for a coded field, as they stand in the source."""
    tree = ast.parse((ROOT / "services/intake/bodies.py").read_text(encoding="utf-8"))
    [value] = [
        each.value
        for each in tree.body
        if isinstance(each, ast.Assign) and getattr(each.targets[0], "id", None) == name
    ]
    words = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
    assert words
    return [str(word) for word in words]


def refusals_of(folder: Path) -> list[str]:
    """The codes with which a row of a file is refused, as they stand in the source."""
    return [
        str(call.args[0].value)
        for path in folder.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", None) == "refusal"
        and isinstance(call.args[0], ast.Constant)
    ]


def public_reasons() -> set[str]:
    """Every reason that a score may give to a fact: the answers of each question tried one by one."""
    fit = VisitFacts(
        has_shelter=True, income_per_person_rupiah=0, head_has_work=True, worried_about_food=False,
        food_is_over_half=False, bought_clothes_this_year=True, civil_servant_in_family=False, company_owner=False,
        has_business=False, committed=False, wall_plastered=False,
    )  # fmt: skip
    tried = [
        replace(facts, **{question.name: code})  # type: ignore[arg-type]  # a question is named as its fact
        for facts in (fit, replace(fit, has_shelter=False))
        for questionnaire in forms().questionnaires.values()
        for question in questionnaire.questions
        for code in question.codes
        if hasattr(facts, question.name)
    ]
    public = [criterion for criterion in scoring.CRITERIA if criterion.public]
    return {reason for facts in tried for each in public if (reason := each.reason(facts)) is not None}
