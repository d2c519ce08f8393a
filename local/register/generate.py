"""One seed in, three files out: ``register.csv``, ``cohort.csv`` and ``answers.json``."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

import orjson

from local.register import families, places
from local.register.answers import answers
from local.register.closed_list import answer, choose_rejected
from local.register.columns import COHORT, REGISTER, header
from local.register.damage import Clerk
from local.register.figures import CITY, scaled
from local.register.numbers import Numbers
from local.register.planting import Ledger, plant_cohort, plant_wider
from local.register.rows import cohort_rows, register_rows, write
from local.register.visits import visit_all

SEED: Final = 64


def generate(directory: Path, seed: int = SEED, family_count: int = CITY.families) -> dict[str, Any]:
    """Write the three files into ``directory`` (made where missing) and return the answers.

    The same seed and size give the same bytes. Memory grows with the city: about 130 MB at the full size.
    """
    figures = scaled(family_count)
    rng = random.Random(seed)
    map_ = places.load()
    numbers = Numbers(rng)
    everybody = families.settle(figures, map_, numbers, rng)
    listed = [family for family in everybody if family.in_cohort]
    rejected = choose_rejected(figures, listed, rng)
    ledger, clerk = Ledger(), Clerk(rng, numbers, map_)
    plant_cohort(figures, [family for family in listed if family.number not in rejected], ledger, clerk)
    plant_wider([family for family in everybody if not family.in_cohort], ledger, clerk)
    closed = answer(figures, listed, rejected, ledger, rng)
    visits = visit_all(figures, closed, rng)
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "register.csv", header(REGISTER), register_rows(everybody, ledger))
    write(directory / "cohort.csv", header(COHORT), cohort_rows(closed, ledger))
    truth = answers(seed, figures, everybody, closed, visits, ledger)
    (directory / "answers.json").write_bytes(orjson.dumps(truth, option=orjson.OPT_NON_STR_KEYS))
    return truth
