"""Houses, what they stand on and what runs through them, poorer where the family is poorer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FLOOR_PER_PERSON_MIN_M2: Final = 7.2
"""Below this a house is too small (DTSEN rules and the housing ministry's)."""

_Weights = Sequence[int]
_QUESTIONS: Final[dict[str, tuple[Sequence[str], _Weights, _Weights]]] = {
    # question: codes, weights in the poorest tenth, weights in the middle
    "floor": (("2", "3", "4", "5", "6", "7", "8"), (8, 3, 4, 42, 22, 3, 18), (46, 6, 10, 16, 21, 0, 1)),
    "wall": (("1", "2", "3", "4", "6", "7"), (18, 6, 56, 10, 6, 4), (66, 6, 27, 1, 0, 0)),
    "roof": (("1", "2", "3", "4", "5", "6", "7"), (1, 2, 68, 10, 7, 2, 10), (8, 22, 62, 6, 2, 0, 0)),
    "water": (("1", "2", "3", "4", "5", "6", "9", "10"), (1, 20, 22, 12, 9, 12, 12, 12), (6, 44, 36, 8, 4, 1, 0, 1)),
    "toilet": (("1", "2", "3", "4", "6"), (48, 20, 10, 8, 14), (95, 4, 1, 0, 0)),
    "closet": (("1", "2", "3", "4"), (55, 15, 12, 18), (96, 2, 1, 1)),
    "disposal": (("1", "2", "3", "4", "5"), (34, 1, 32, 28, 5), (88, 4, 4, 4, 0)),
    "power": (("1", "2", "3", "4"), (70, 28, 2, 0), (8, 52, 34, 6)),
    "fuel": (("4", "7", "9", "10", "2"), (74, 5, 3, 18, 0), (95, 1, 0, 0, 4)),
    "tenure": (("1", "2", "3", "5"), (50, 26, 21, 3), (66, 26, 7, 1)),
    "land_proof": (("1", "2", "4", "5", "6"), (24, 6, 24, 22, 24), (58, 6, 22, 10, 4)),
    "light": (("1", "2", "3", "4"), (70, 25, 3, 2), (96, 4, 0, 0)),
}


@dataclass(frozen=True, slots=True)
class Dwelling:
    """A house by its codes (``columns.CODES``); empty where the question is not asked."""

    floor_area_m2: int
    floor: str
    wall: str
    roof: str
    water: str
    waste_distance: str
    toilet: str
    closet: str
    disposal: str
    light: str
    power: str
    fuel: str
    tenure: str
    land_proof: str

    @property
    def owns_land(self) -> bool:
        """Owned, with a paper for the land: a certificate in a member's name, another one, or a village letter."""
        return self.tenure == "1" and self.land_proof in {"1", "4", "5"}

    @property
    def of_perishable_material(self) -> bool:
        """Floor, wall or roof of a material that no fit house has: earth, bamboo, thatch."""
        return self.floor in {"7", "8"} or self.wall in {"4", "6"} or self.roof in {"6", "7"}

    def is_unfit(self, persons: int) -> bool:
        """Whether the house is unfit (rumah tidak layak huni) for so many persons, by the ministry's list."""
        crowded = self.floor_area_m2 < FLOOR_PER_PERSON_MIN_M2 * persons
        return self.of_perishable_material or (crowded and self.toilet in {"4", "6"})


def house_for(hardship: float, persons: int, rng: random.Random) -> Dwelling:
    """A house for a family of that hardship: 0 is the middle of the city, 1 its poorest tenth."""

    def answer(question: str) -> str:
        codes, poor, middling = _QUESTIONS[question]
        weights = [hardship * low + (1 - hardship) * high for low, high in zip(poor, middling, strict=True)]
        return rng.choices(codes, weights)[0]

    tenure, water, toilet, light = answer("tenure"), answer("water"), answer("toilet"), answer("light")
    space = rng.gauss(13 - 5.5 * hardship, 2.2)
    return Dwelling(
        floor_area_m2=max(9, round(max(3.0, space) * persons**0.85)),
        floor=answer("floor"),
        wall=answer("wall"),
        roof=answer("roof"),
        water=water,
        waste_distance=rng.choices("123", (45, 40, 15))[0] if water in {"4", "5", "6"} else "",
        toilet=toilet,
        closet="" if toilet == "6" else answer("closet"),
        disposal="5" if toilet == "6" else answer("disposal"),
        light=light,
        power=answer("power") if light == "1" else "",
        fuel=answer("fuel"),
        tenure=tenure,
        land_proof=answer("land_proof") if tenure == "1" else "",
    )
