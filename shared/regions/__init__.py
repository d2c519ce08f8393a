"""Dated region codes: Kemendagri's and BPS's kept apart, with succession and time zones."""

from shared.regions.region import CodeSystem, Region, RegionKind
from shared.regions.regions import RegionDataError, Regions, Succession

__all__ = ["CodeSystem", "Region", "RegionDataError", "RegionKind", "Regions", "Succession"]
