"""The families of both files, healthy: who belongs together, where they live, in what house and on which list."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from local.register import people
from local.register.dwellings import Dwelling, house_for
from local.register.figures import AS_OF, Figures, apportion
from local.register.names import name_for
from local.register.numbers import Numbers
from local.register.people import Person
from local.register.places import Places

_SIZES: Final = range(1, 12)
_WIDER_WEIGHTS: Final = (5, 9, 14, 19, 19, 15, 10, 5, 3, 1, 0)
_COHORT_WEIGHTS: Final = (4, 6, 8, 12, 17, 19, 15, 10, 5, 3, 1)
_STREETS: Final = ("Melati", "Kenanga", "Cendana", "Meranti", "Ulin", "Bengkirai", "Mahakam", "Pelita", "Rukun")
_PHONE_PREFIX: Final = "0826"
"""Given to no operator: the numbers have the right shape and reach nobody."""
_FIRST_CARD_YEARS: Final = 14
"""Family cards of the present kind have been printed since about 2008."""


@dataclass(slots=True)
class Family:
    """A family as the sending register knows it. ``number`` is its place in the file, from 1."""

    number: int
    region: str
    in_cohort: bool
    members: list[Person]
    card: str
    address: str
    rt: str
    rw: str
    decile: int
    hardship: float
    dwelling: Dwelling
    pkh: bool
    sembako: bool
    pbi: bool

    @property
    def id(self) -> str:
        """Id in the sending register."""
        return f"SMD-{self.number:06d}"

    @property
    def kecamatan(self) -> str:
        return self.region[:8]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where a family is to live and how many it is to have, before it exists."""

    region: str
    size: int
    in_cohort: bool


def settle(figures: Figures, places: Places, numbers: Numbers, rng: random.Random) -> list[Family]:
    """All families, in the order of the file: by kelurahan, the closed list's among the others."""
    plans = list(_plans(figures, places, rng))
    rng.shuffle(plans)
    plans.sort(key=lambda plan: plan.region)
    return [_family(number, plan, places, numbers, rng) for number, plan in enumerate(plans, start=1)]


def _plans(figures: Figures, places: Places, rng: random.Random) -> Iterator[_Plan]:
    cohort = figures.cohort_by_kecamatan
    families_by_kecamatan = apportion(figures.cohort_families, cohort)
    for kecamatan, persons in cohort.items():
        sizes = _sizes(families_by_kecamatan[kecamatan], persons, _COHORT_WEIGHTS, rng)
        yield from _spread(sizes, places.kelurahan[kecamatan], rng, in_cohort=True)
    wider_families = apportion(figures.families - figures.cohort_families, cohort)
    wider_persons = apportion(figures.persons - figures.cohort_persons, cohort)
    for kecamatan, persons in wider_persons.items():
        sizes = _sizes(wider_families[kecamatan], persons, _WIDER_WEIGHTS, rng)
        yield from _spread(sizes, places.kelurahan[kecamatan], rng, in_cohort=False)


def _spread(sizes: Sequence[int], kelurahan: Sequence[str], rng: random.Random, *, in_cohort: bool) -> Iterator[_Plan]:
    """Every kelurahan gets a family where there are enough; the rest fall unevenly, as poverty does."""
    each = rng.sample(kelurahan, len(kelurahan))
    weights = [rng.uniform(0.4, 1.6) for _ in each]
    drawn = rng.choices(each, weights, k=max(0, len(sizes) - len(each)))
    for size, region in zip(sizes, [*each, *drawn], strict=False):
        yield _Plan(region, size, in_cohort)


def _sizes(families: int, persons: int, weights: Sequence[int], rng: random.Random) -> list[int]:
    """Sizes that add up to ``persons``, as near to the weights as that allows."""
    sizes = rng.choices(_SIZES, weights, k=families)
    while (missing := persons - sum(sizes)) != 0:
        place = rng.randrange(families)
        step = 1 if missing > 0 else -1
        if 1 <= sizes[place] + step <= people.SIZE_MAX:
            sizes[place] += step
    return sizes


def _family(number: int, plan: _Plan, places: Places, numbers: Numbers, rng: random.Random) -> Family:
    decile = rng.choices((1, 2), (94, 6))[0] if plan.in_cohort else rng.choices((1, 2, 3, 4, 5), (10, 27, 30, 24, 9))[0]
    hardship = min(1.0, max(0.0, 1.15 - 0.25 * decile + rng.gauss(0, 0.15)))
    members = people.family_of(plan.size, rng)
    kecamatan = plan.region[:8]
    for member in members:
        member.name = name_for(rng, member.sex, member.age)
        member.nik = numbers.person(_issued_in(member, kecamatan, places, rng), member.born, member.sex)
    _give_phones(members, rng)
    young = any((member.age <= 18 and member.school == "2") or member.age < 6 for member in members)
    needy = young or any(member.age >= 70 or member.disability or member.pregnant for member in members)
    return Family(
        number=number,
        region=plan.region,
        in_cohort=plan.in_cohort,
        members=members,
        card=_card(members[0], kecamatan, numbers, rng),
        address=f"Jl. {rng.choice(_STREETS)} Gg. {rng.randint(1, 12)} No. {rng.randint(1, 160)}",
        rt=f"{rng.randint(1, 40):03d}",
        rw=f"{rng.randint(1, 9):03d}",
        decile=decile,
        hardship=hardship,
        dwelling=house_for(hardship, plan.size, rng),
        pkh=needy and rng.random() < 0.5 * hardship,
        sembako=rng.random() < 0.25 + 0.4 * hardship,
        pbi=rng.random() < 0.4 + 0.4 * hardship,
    )


def _issued_in(member: Person, kecamatan: str, places: Places, rng: random.Random) -> str:
    """Where the number was issued: at home for most children, anywhere the family has lived for adults."""
    moved = rng.random()
    if member.age >= people.ADULT_MIN and moved < 0.3:
        return rng.choice(places.birthplaces)
    if moved < 0.45:
        return rng.choice(list(places.kelurahan))
    return kecamatan


def _card(head: Person, kecamatan: str, numbers: Numbers, rng: random.Random) -> str:
    """A card recorded on a day on which the head was of age and cards of this kind were printed."""
    years = min(_FIRST_CARD_YEARS, max(1, head.age - people.ADULT_MIN))
    return numbers.card(kecamatan, AS_OF - timedelta(days=rng.randrange(30, int(years * 365.25))))


def _give_phones(members: Sequence[Person], rng: random.Random) -> None:
    """Two heads in three have a phone; others have their own, share the head's, or have none."""
    for member in members:
        if member.age < people.ADULT_MIN:
            continue
        chance = rng.random()
        if chance < (0.66 if member is members[0] else 0.3):
            member.phone = f"{_PHONE_PREFIX}{rng.randrange(10**8):08d}"
        elif chance < 0.45:
            member.phone = members[0].phone
