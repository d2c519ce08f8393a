"""Persons and the families they form: ages, relations, marriages and children that fit each other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from local.register.figures import AS_OF

HEAD, SPOUSE, CHILD, CHILD_IN_LAW, GRANDCHILD, PARENT, OTHER = "1", "2", "3", "4", "5", "6", "8"
SINGLE, MARRIED, DIVORCED, WIDOWED = "1", "2", "3", "4"
ADULT_MIN: Final = 17
"""Age of the identity card."""
SIZE_MAX: Final = 12


@dataclass(slots=True)
class Person:
    """One member of a family, as the file is to describe them when nothing is wrong. Codes as in ``columns.CODES``."""

    sex: str
    born: date
    relation: str
    marital: str
    name: str = ""
    nik: str = ""
    phone: str = ""
    school: str = ""
    job: str = ""
    business: bool = False
    disability: bool = False
    pregnant: bool = False

    @property
    def age(self) -> int:
        """Whole years at the state of the files."""
        return AS_OF.year - self.born.year - ((AS_OF.month, AS_OF.day) < (self.born.month, self.born.day))


@dataclass(slots=True)
class _Draft:
    """Ages of a family before it gets dates."""

    rng: random.Random
    members: list[Person] = field(default_factory=list)

    def add(self, sex: str, age: int, relation: str, marital: str) -> None:
        days = max(0, age) * 365.25 + self.rng.randrange(1, 365)
        self.members.append(Person(sex, AS_OF - timedelta(days=int(days)), relation, marital))


def family_of(size: int, rng: random.Random) -> list[Person]:
    """The members of a family of that size; the first one is its head."""
    draft = _Draft(rng)
    if size == 1:
        _alone(draft)
    elif size == 2 and rng.random() < 0.4:
        _old_couple(draft)
    elif rng.random() < (0.55 if size == 2 else 0.17):
        _single_head(draft, size)
    else:
        _couple(draft, size)
    for person in draft.members:
        _live(person, rng)
    return draft.members


def _alone(draft: _Draft) -> None:
    rng = draft.rng
    if rng.random() < 0.7:
        sex = "P" if rng.random() < 0.7 else "L"
        draft.add(sex, rng.randint(60, 88), HEAD, WIDOWED if rng.random() < 0.85 else DIVORCED)
    else:
        draft.add(rng.choice("LP"), rng.randint(19, 59), HEAD, rng.choice((SINGLE, DIVORCED)))


def _old_couple(draft: _Draft) -> None:
    age = draft.rng.randint(50, 82)
    draft.add("L", age, HEAD, MARRIED)
    draft.add("P", age - draft.rng.randint(-2, 8), SPOUSE, MARRIED)


def _single_head(draft: _Draft, size: int) -> None:
    """A widowed or divorced head, four in five of them women, with children."""
    rng = draft.rng
    children = _ages_of_children(size - 1, rng)
    sex = "P" if rng.random() < 0.8 else "L"
    age = max(children) + rng.randint(18, 30)
    draft.add(sex, age, HEAD, WIDOWED if rng.random() < 0.5 else DIVORCED)
    for child in children:
        draft.add(rng.choice("LP"), child, CHILD, SINGLE)


def _couple(draft: _Draft, size: int) -> None:
    """A married couple with children, at times with a third generation or kin under the same card."""
    rng = draft.rng
    guests = _guests(size, rng)
    married_child = guests.count(CHILD_IN_LAW)
    children = _ages_of_children(size - 2 - len(guests), rng, oldest_min=21 if married_child else 0)
    age = max(children, default=rng.randint(0, 5)) + rng.randint(20, 30)
    draft.add("L", age, HEAD, MARRIED)
    draft.add("P", max(age - rng.randint(0, 6), max(children, default=0) + 17), SPOUSE, MARRIED)
    heir = rng.choice("LP")
    for place, child in enumerate(children):
        wed = bool(married_child) and place == 0
        draft.add(heir if wed else rng.choice("LP"), child, CHILD, MARRIED if wed else SINGLE)
    for guest in guests:
        if guest == CHILD_IN_LAW:
            draft.add("P" if heir == "L" else "L", children[0] + rng.randint(-1, 4), CHILD_IN_LAW, MARRIED)
        elif guest == GRANDCHILD:
            draft.add(rng.choice("LP"), rng.randint(0, min(6, children[0] - 18)), GRANDCHILD, SINGLE)
        elif guest == PARENT:
            draft.add(rng.choice("LPP"), min(age + rng.randint(18, 28), 95), PARENT, WIDOWED)
        else:
            draft.add(rng.choice("LP"), rng.randint(12, 45), OTHER, SINGLE)


def _guests(size: int, rng: random.Random) -> list[str]:
    chance = rng.random()
    if size >= 5 and chance < 0.14:
        grandchildren = 1 if size == 5 else rng.randint(1, 2)
        return [CHILD_IN_LAW, *[GRANDCHILD] * grandchildren]
    if size >= 4 and chance < 0.24:
        return [PARENT]
    if size >= 4 and chance < 0.29:
        return [OTHER]
    return []


def _ages_of_children(count: int, rng: random.Random, oldest_min: int = 0) -> list[int]:
    """Ages, oldest first; brothers and sisters are one to four years apart and span 18 years at most."""
    if count <= 0:
        return []
    gaps = [rng.randint(1, 4) for _ in range(count - 1)]
    while sum(gaps) > 18:
        gaps[gaps.index(max(gaps))] -= 1
    youngest = max(rng.choice((0, 1, 2, 3, 4, 6, 8, 10, 13, 16)), oldest_min - sum(gaps))
    ages = [youngest]
    for gap in gaps:
        ages.append(ages[-1] + gap)
    return ages[::-1]


def _live(person: Person, rng: random.Random) -> None:
    """School, work, disability and pregnancy of somebody of that age."""
    age = person.age
    if age >= 5:
        person.school = _schooling(age, rng)
    if person.school != "2" and rng.random() < _share_at_work(person.sex, age):
        person.job = rng.choices("1234678", (24, 8, 2, 22, 10, 26, 8))[0]
        person.business = person.job in "123"
    person.disability = rng.random() < (0.09 if age >= 65 else 0.02)
    fertile = person.sex == "P" and person.marital == MARRIED and 18 <= age <= 42
    person.pregnant = fertile and rng.random() < 0.05


def _schooling(age: int, rng: random.Random) -> str:
    """Never or not yet, attending, left: shares by age are an assumption near the national ones."""
    steps = ((7, 0.5), (13, 0.98), (16, 0.93), (19, 0.72), (24, 0.06))
    attending = next((share for below, share in steps if age < below), 0.0)
    if rng.random() < attending:
        return "2"
    never = 1.0 if age < 7 else 0.12 if age >= 60 else 0.01
    return "1" if rng.random() < never else "3"


def _share_at_work(sex: str, age: int) -> float:
    if age < 15:
        return 0.0
    if age < 19:
        return 0.3
    if age >= 62:
        return 0.2
    return 0.82 if sex == "L" else 0.36
