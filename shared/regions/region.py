"""One region, or rather one dated reading of one region's code."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal


class CodeSystem(StrEnum):
    """Two systems whose codes look alike and differ: always say which one a code is of."""

    KEMENDAGRI = "kemendagri"
    BPS = "bps"


class RegionKind(StrEnum):
    PROVINSI = "provinsi"
    KABUPATEN = "kabupaten"
    KOTA = "kota"
    KECAMATAN = "kecamatan"
    DISTRIK = "distrik"
    KELURAHAN = "kelurahan"
    DESA = "desa"
    DESA_ADAT = "desa-adat"


# The first digit of the last part decides law: village funds exist for desa alone, deliberation is musdes or muskel.
VILLAGE_KINDS = {"1": RegionKind.KELURAHAN, "2": RegionKind.DESA, "3": RegionKind.DESA_ADAT}


@dataclass(frozen=True, slots=True)
class Region:
    """A Kemendagri code while it meant this region. None in a date means that no bound is known."""

    code: str
    name: str
    kind: RegionKind
    valid_from: date | None = None
    valid_to: date | None = None
    """The first day on which the code no longer holds."""
    postcode: str | None = None

    @property
    def level(self) -> Literal[1, 2, 3, 4]:
        """1 province, 2 kabupaten or kota, 3 kecamatan, 4 kelurahan or desa."""
        return (1, 2, 3, 4)[self.code.count(".")]

    @property
    def parent(self) -> str | None:
        return self.code.rpartition(".")[0] or None

    @property
    def code_system(self) -> CodeSystem:
        return CodeSystem.KEMENDAGRI

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


def kind_of(code: str, name: str) -> RegionKind:
    """The kind that a Kemendagri code and an official name say. Raises ValueError for a code that says none."""
    parts = code.split(".")
    if len(parts) == 1:
        return RegionKind.PROVINSI
    if len(parts) == 2:
        return RegionKind.KOTA if name.startswith("Kota ") else RegionKind.KABUPATEN
    if len(parts) == 3:
        # In the provinces of Papua a kecamatan is called distrik.
        return RegionKind.DISTRIK if parts[0] >= "91" else RegionKind.KECAMATAN
    kind = VILLAGE_KINDS.get(parts[3][:1])
    if kind is None:
        raise ValueError(f"{code}: the last part of a code begins with 1 (kelurahan), 2 (desa) or 3 (desa adat)")
    return kind
