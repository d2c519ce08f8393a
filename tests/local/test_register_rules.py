"""The rules behind the files: numbers, families and houses that fit together."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.register.dwellings import Dwelling, house_for
from local.register.figures import CITY, apportion, scaled
from local.register.names import name_for, variant_of
from local.register.numbers import SERIAL_MIN, Numbers
from local.register.people import CHILD, GRANDCHILD, HEAD, MARRIED, SIZE_MAX, SPOUSE, Person, family_of
from local.register.rates import RATE_OF, RATES, Fault, planted

SEEDS = st.integers(0, 2**32)
BIRTHDAYS = st.dates(date(1930, 1, 1), date(2022, 11, 30))


def test_the_figures_of_the_city_add_up() -> None:
    assert CITY.cohort_persons == 9_032
    assert CITY.persons_unconfirmed == 1_249
    assert CITY.persons_confirmed == 6_973
    assert scaled(CITY.families) is CITY


def test_every_fault_has_one_rate() -> None:
    assert set(RATE_OF) == set(Fault)
    assert len(RATES) == len(Fault)
    assert all(planted(rate, 1, 1) == 1 for rate in RATES)


@given(st.integers(10, 100_000), st.lists(st.integers(1, 10_000), min_size=1, max_size=10))
def test_apportioning_is_exact_and_leaves_nobody_out(total: int, weights: list[int]) -> None:
    shares = apportion(total, {str(place): weight for place, weight in enumerate(weights)})
    assert sum(shares.values()) == total
    assert min(shares.values()) >= 1


@given(SEEDS, BIRTHDAYS, st.sampled_from("LP"))
def test_a_person_number_says_birth_date_and_sex(seed: int, born: date, sex: str) -> None:
    number = Numbers(random.Random(seed)).person("64.72.05", born, sex)
    assert number.startswith("647205")
    assert int(number[6:8]) == born.day + (40 if sex == "P" else 0)
    assert int(number[12:]) >= SERIAL_MIN


@given(SEEDS, BIRTHDAYS)
def test_a_mistyped_number_differs_in_one_place_and_stays_unreal(seed: int, born: date) -> None:
    numbers = Numbers(random.Random(seed))
    number = numbers.person("64.72.05", born, "P")
    typed = numbers.mistyped(number)
    assert sum(a != b for a, b in zip(number, typed, strict=True)) == 1
    assert int(typed[12:]) >= SERIAL_MIN


def test_no_number_is_given_twice() -> None:
    numbers, day = Numbers(random.Random(1)), date(1990, 5, 17)
    given_out = [numbers.person("64.72.05", day, "L") for _ in range(400)]
    given_out += [numbers.card("64.72.05", day) for _ in range(400)]
    assert len(set(given_out)) == 800
    assert not any(card.endswith("0") for card in given_out[400:])


@given(SEEDS, st.integers(1, SIZE_MAX))
def test_a_family_holds_together(seed: int, size: int) -> None:
    members = family_of(size, random.Random(seed))
    head, others = members[0], members[1:]
    assert len(members) == size
    assert [member.relation for member in members].count(HEAD) == 1
    assert head.relation == HEAD
    assert head.age >= 17
    spouses = [member for member in others if member.relation == SPOUSE]
    assert len(spouses) == (1 if head.marital == MARRIED else 0)
    for spouse in spouses:
        assert spouse.sex != head.sex
        assert spouse.age >= 15
    for child in (member for member in others if member.relation == CHILD):
        assert head.age - child.age >= 16
    assert all(member.age >= 0 for member in members)
    assert all(_parents_are_older(member, members) for member in members if member.relation == GRANDCHILD)


def _parents_are_older(grandchild: Person, members: list[Person]) -> bool:
    return any(m.relation == CHILD and m.marital == MARRIED and m.age - grandchild.age >= 15 for m in members)


@given(SEEDS, st.sampled_from("LP"), st.integers(0, 95))
def test_a_name_has_a_word_and_so_has_its_variant(seed: int, sex: str, age: int) -> None:
    rng = random.Random(seed)
    name = name_for(rng, sex, age)
    assert name.strip() == name != ""
    assert variant_of(name, rng).strip() != ""


def test_names_of_one_word_are_common() -> None:
    rng = random.Random(7)
    single = sum(" " not in name_for(rng, "P", 30) for _ in range(1_000))
    assert 150 < single < 300


@given(SEEDS, st.floats(0, 1), st.integers(1, SIZE_MAX))
def test_a_house_answers_only_the_questions_that_are_asked(seed: int, hardship: float, persons: int) -> None:
    house = house_for(hardship, persons, random.Random(seed))
    assert (house.land_proof != "") == (house.tenure == "1")
    assert (house.power != "") == (house.light == "1")
    assert (house.closet != "") == (house.toilet != "6")
    assert house.floor_area_m2 >= 9


def test_the_poor_live_in_worse_houses() -> None:
    def unfit(hardship: float) -> int:
        rng = random.Random(3)
        return sum(house_for(hardship, 5, rng).is_unfit(5) for _ in range(500))

    assert unfit(1.0) > 2 * unfit(0.0)


@pytest.mark.parametrize(
    ("changed", "unfit"),
    [
        ({}, False),
        ({"floor": "8"}, True),
        ({"wall": "4"}, True),
        ({"roof": "7"}, True),
        ({"floor_area_m2": 20}, False),
        ({"floor_area_m2": 20, "toilet": "6"}, True),
    ],
)
def test_a_house_is_unfit_by_material_or_by_crowding_without_a_toilet(
    changed: dict[str, str | int], unfit: bool
) -> None:
    fit = {
        "floor_area_m2": 60, "floor": "2", "wall": "1", "roof": "3", "water": "3", "waste_distance": "",
        "toilet": "1", "closet": "1", "disposal": "1", "light": "1", "power": "1", "fuel": "4",
        "tenure": "1", "land_proof": "1",
    }  # fmt: skip
    house = Dwelling(**(fit | changed))  # type: ignore[arg-type]
    assert house.is_unfit(5) is unfit
