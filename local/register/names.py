"""Names as they stand on cards: Faker's Indonesian names in the shapes that make matching hard.

One word is a full name. Muhammad and Siti are written in several ways, titles stand before and behind, and some names
say whose child somebody is. The pools are Faker's; nothing here is a real person.
"""

from __future__ import annotations

import random
from typing import Final

from faker.providers.person.id_ID import Provider

_FIRST: Final = {"L": tuple(Provider.first_names_male), "P": tuple(Provider.first_names_female)}
_LAST: Final = {"L": tuple(Provider.last_names_male), "P": tuple(Provider.last_names_female)}
_OPENING: Final = {
    "L": ("Muhammad", "Muhammad", "Muhammad", "Mohamad", "Moh.", "M.", "Muh.", "Ahmad", "Achmad", "Abdul"),
    "P": ("Siti", "Siti", "Siti", "St.", "Nur", "Noor"),
}
_CHILD_OF: Final = {"L": "bin", "P": "binti"}
_PILGRIM: Final = {"L": "H.", "P": "Hj."}
_DEGREES: Final = ("S.E.", "S.Pd.", "A.Md.")
_SPELLINGS: Final = (
    ("Muhammad ", "Moh. "),
    ("Mohamad ", "Muhammad "),
    ("Moh. ", "Mohamad "),
    ("M. ", "Muhammad "),
    ("Muh. ", "Muhammad "),
    ("Siti ", "St. "),
    ("St. ", "Siti "),
    ("Ahmad ", "Achmad "),
    ("Achmad ", "Ahmad "),
)


def name_for(rng: random.Random, sex: str, age: int) -> str:
    """A name for somebody of that sex (L or P) and age."""
    first = rng.choice(_FIRST[sex])
    shape = rng.random()
    if shape < 0.22:
        name = first
    elif shape < 0.66:
        name = f"{first} {rng.choice(_LAST[sex])}"
    elif shape < 0.86:
        name = f"{rng.choice(_OPENING[sex])} {first}"
    elif shape < 0.96:
        name = f"{first} {rng.choice(_FIRST[sex])} {rng.choice(_LAST[sex])}"
    else:
        name = f"{first} {_CHILD_OF[sex]} {rng.choice(_FIRST['L'])}"
    if age >= 50 and rng.random() < 0.05:
        return f"{_PILGRIM[sex]} {name}"
    if 22 <= age < 50 and rng.random() < 0.004:
        return f"{name}, {rng.choice(_DEGREES)}"
    return name


def variant_of(name: str, rng: random.Random) -> str:
    """The same name as another clerk would write it; a third of them write the same."""
    if rng.random() < 0.34:
        return name
    for usual, other in _SPELLINGS:
        if name.startswith(usual):
            return other + name.removeprefix(usual)
    if "u" in name and rng.random() < 0.5:
        return name.replace("u", "oe", 1)
    words = name.split()
    return " ".join(words[:-1]) if len(words) > 2 else name.upper()
