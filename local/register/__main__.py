"""``python -m local.register --out DIR [--seed 64] [--families 500]``."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from local.register.figures import CITY
from local.register.generate import SEED, generate

app = App(name="register", help="Write a city's register, its closed list and the answers, all invented.")


@app.default
def main(*, out: Path, seed: int = SEED, families: int = CITY.families) -> None:
    """Write register.csv, cohort.csv and answers.json.

    Parameters
    ----------
    out
        Folder for the files; made where missing.
    seed
        The same seed and size give the same bytes.
    families
        Families of the wider register; everything else keeps its proportion.
    """
    truth = generate(out, seed, families)
    register, cohort = truth["register"], truth["cohort"]
    print(f"register.csv  {register['rows']} persons in {register['families']} families", end="; ")
    print(f"expect {register['rejected']} rows rejected, {register['held']} held, {register['warned']} warned")
    print(f"cohort.csv    {cohort['baseline_persons']} persons in {cohort['baseline_families']} families", end="; ")
    print(f"expect {cohort['persons_confirmed']} confirmed in {cohort['families_verified']} families")


if __name__ == "__main__":
    app()
