"""What the story's people send: programme files that fit their city, and the bank's answer to a payment order."""

from __future__ import annotations

from uuid import UUID

import pytest

from local.register.generate import generate
from local.story import truth
from local.story.lists import answer_of_bank
from local.story.sizes import BLT_FILE, RTLH_FILE, UEP_FILE, programme_file, uep_places
from local.story.truth import Truth
from services.programs.programme_files import read_programme, shipped
from services.programs.rules.programme import Programme
from services.programs.rules.results import read_results

FIRST, SECOND = UUID("0192f1d0-7c11-7a10-8a00-0000000000a1"), UUID("0192f1d0-7c11-7a10-8a00-0000000000a2")
FILES = (BLT_FILE, UEP_FILE, RTLH_FILE)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    folder = tmp_path_factory.mktemp("small")
    generate(folder, family_count=300)
    return truth.read(folder / "answers.json")


@pytest.mark.parametrize("name", FILES)
def test_the_whole_city_publishes_the_files_that_ship(small: Truth, name: str) -> None:
    whole = Truth(small.families, small.register, small.cohort, {**small.figures, "families": 8_900})
    assert programme_file(name, whole) == {"file": name}
    assert name in shipped()


@pytest.mark.parametrize("name", FILES)
def test_a_small_city_publishes_documents_that_are_valid(small: Truth, name: str) -> None:
    assert _programme(small, name).code == read_programme(shipped()[name], name).programme.code


def test_lines_and_places_shrink_with_the_city(small: Truth) -> None:
    cash, houses = _programme(small, BLT_FILE), _programme(small, RTLH_FILE)
    assert cash.pays_from.ceiling_rupiah == small.figures["persons_in_cash_line"] * 300_000
    assert cash.quotas[0].places == small.figures["persons_in_cash_line"]
    assert houses.pays_from.ceiling_rupiah == small.figures["houses_in_line"] * 20_000_000
    business = _programme(small, UEP_FILE)
    assert {quota.region: quota.places for quota in business.quotas} == uep_places(small)
    assert business.pays_from.ceiling_rupiah >= (sum(uep_places(small).values()) + 10) * 2_500_000


def test_the_whole_city_has_the_places_of_the_file(small: Truth) -> None:
    whole = Truth(small.families, small.register, small.cohort, {**small.figures, "families": 8_900})
    stated = read_programme(shipped()[UEP_FILE], UEP_FILE).programme.quotas
    assert uep_places(whole) == {quota.region: quota.places for quota in stated}


def test_the_bank_answers_each_item_of_an_order() -> None:
    order = f"payment_id,household_id,persons,rupiah\n{FIRST},{FIRST},3,900000\n{SECOND},{SECOND},1,300000\n"
    answer = answer_of_bank(order, "2022-12-22", lambda household: "account-closed" if household == SECOND else None)
    read = read_results(answer.decode())
    assert read.wrong == ()
    assert [(each.payment_id, each.status, each.reason) for each in read.results] == [
        (FIRST, "paid", None),
        (SECOND, "failed", "account-closed"),
    ]


def _programme(city: Truth, name: str) -> Programme:
    return read_programme(programme_file(name, city)["document"], name).programme
