"""Names and time zones of regions, for whatever is shown or dated here."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from shared.regions import RegionDataError, Regions
from shared.texts.formats import ZONE_DEFAULT


def zone_of(region: str) -> ZoneInfo:
    """The zone of a region; of one whose province is not loaded, the zone that dates are shown in by default."""
    try:
        return Regions.load().timezone_of(region)
    except RegionDataError:
        return ZoneInfo(ZONE_DEFAULT)


def name_of(region: str) -> str:
    """The name of a region, or its code where it is not known."""
    return Regions.load().name(region)
