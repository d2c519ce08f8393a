"""Dated region codes with their succession: pure look-ups over files that ship with the code."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.regions.region import Region, RegionKind

DATA = Path(__file__).parent / "data"


class RegionDataError(ValueError):
    """A data file holds a row that cannot be right; the message names file and code."""


@dataclass(frozen=True, slots=True)
class Succession:
    """From a day on, what an old code covered, or a part of it, stands under a new one."""

    old: str
    new: str
    on: date
    reason: str


class Regions:
    """All regions loaded, past and present. Never changes; safe to share."""

    def __init__(
        self,
        regions: Iterable[Region],
        successions: Iterable[Succession] = (),
        zones: Iterable[tuple[str, str, date]] = (),
        bps: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._readings: dict[str, list[Region]] = {}
        for region in regions:
            self._readings.setdefault(region.code, []).append(region)
        self._children: dict[str, list[str]] = {}
        for code in sorted(self._readings):
            self._children.setdefault(code.rpartition(".")[0], []).append(code)
        self._successions: dict[str, list[Succession]] = {}
        for succession in successions:
            self._successions.setdefault(succession.old, []).append(succession)
        self._zones: dict[str, list[tuple[date, ZoneInfo]]] = {}
        for subtree, zone, since in sorted(zones, key=lambda row: row[2]):
            self._zones.setdefault(subtree, []).append((since, ZoneInfo(zone)))
        self._bps_of = dict(bps)
        self._of_bps = {code: kemendagri for kemendagri, code in self._bps_of.items()}

    @classmethod
    def load(cls, folder: Path = DATA) -> "Regions":
        """The regions of every province whose file lies in the folder. Read once per process."""
        return _load(folder)

    def get(self, code: str, on: date | None = None) -> Region | None:
        """What a code meant on a day; without a day, what it means now or meant last."""
        readings = self._readings.get(code, [])
        if on is None:
            return readings[-1] if readings else None
        return next((region for region in reversed(readings) if region.holds_on(on)), None)

    def known(self, code: str) -> bool:
        """Whether a code ever meant a region of the loaded provinces."""
        return code in self._readings

    def name(self, code: str) -> str:
        """The latest name, or the code itself where it is not known: for people to read."""
        region = self.get(code)
        return region.name if region else code

    def path(self, code: str) -> str:
        """Kelurahan, kecamatan, kota and province by name, the narrowest first."""
        return ", ".join(self.name(each) for each in (code, *reversed(self.ancestors(code))))

    def ancestors(self, code: str) -> list[str]:
        """The codes above, the province first."""
        parts = code.split(".")
        return [".".join(parts[:end]) for end in range(1, len(parts))]

    def children(self, code: str, on: date | None = None) -> list[str]:
        """The codes directly below, in order; without a day, those that still hold."""
        return [child for child in self._children.get(code, []) if self._holds(child, on)]

    def villages(self, subtree: str, on: date | None = None) -> Iterator[Region]:
        """Every kelurahan and desa of a subtree."""
        region = self.get(subtree, on)
        if region is not None and region.level == 4:
            yield region
        for child in self.children(subtree, on):
            yield from self.villages(child, on)

    def within(self, code: str, subtree: str) -> bool:
        """Whether a code lies in a subtree, or is its root."""
        return code == subtree or code.startswith(f"{subtree}.")

    def successors(self, code: str, on: date) -> list[str]:
        """The codes that cover on a day what a code covers or covered: itself while it holds, several after a split."""
        if self.get(code, on) is not None:
            return [code]
        following = [each for each in self._successions.get(code, []) if each.on <= on]
        return sorted({last for each in following for last in self.successors(each.new, on)})

    def successor(self, code: str, on: date) -> str | None:
        """The one code that stands for a code on a day; None where there is none, or more than one to choose from."""
        found = self.successors(code, on)
        return found[0] if len(found) == 1 else None

    def timezone_of(self, code: str, on: date | None = None) -> ZoneInfo:
        """The zone of a region. Raises RegionDataError for a region no zone was ever set for."""
        for subtree in (code, *reversed(self.ancestors(code))):
            zones = [zone for since, zone in self._zones.get(subtree, []) if on is None or since <= on]
            if zones:
                return zones[-1]
        raise RegionDataError(f"no time zone is known for region {code}")

    def bps_of(self, code: str) -> str | None:
        """The BPS code of a Kemendagri code, where the pair is loaded."""
        return self._bps_of.get(code)

    def of_bps(self, code: str) -> str | None:
        """The Kemendagri code of a BPS code, where the pair is loaded."""
        return self._of_bps.get(code)

    def _holds(self, code: str, on: date | None) -> bool:
        region = self.get(code, on)
        return region is not None and (on is not None or region.valid_to is None)


@cache
def _load(folder: Path) -> Regions:
    regions = [region for path in sorted((folder / "kemendagri").glob("*.csv")) for region in _regions_of(path)]
    successions = [
        Succession(row["old"], row["new"], date.fromisoformat(row["on"]), row["reason"])
        for row in _rows(folder / "succession.csv")
    ]
    zones = [
        (row["region"], row["zone"], date.fromisoformat(row["valid_from"])) for row in _rows(folder / "timezones.csv")
    ]
    return Regions(regions, successions, zones, ((row["kemendagri"], row["bps"]) for row in _rows(folder / "bps.csv")))


def _regions_of(path: Path) -> Iterator[Region]:
    for row in _rows(path):
        try:
            yield Region(
                code=row["code"],
                name=row["name"],
                kind=RegionKind(row["kind"]),
                valid_from=_date_or_none(row["valid_from"]),
                valid_to=_date_or_none(row["valid_to"]),
                postcode=row["postcode"] or None,
            )
        except (KeyError, ValueError) as error:
            raise RegionDataError(f"{path.name}, {row.get('code', '?')}: {error}") from None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def _date_or_none(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
