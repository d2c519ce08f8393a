"""Where and as of when something is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, or_

from services.notifications.places import zone_of
from services.notifications.rules.dated import end_of

LENGTHS = (2, 5, 8, 13)
"""Length of a region code by level: province, kabupaten or kota, kecamatan, kelurahan or desa."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A region subtree at the end of a day, in the region's own time zone."""

    region: str
    as_of: date

    @property
    def end(self) -> datetime:
        """The first moment that does not count any more."""
        return end_of(self.as_of, zone_of(self.region))

    def within(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """The rows of the subtree."""
        return or_(column == self.region, column.like(f"{self.region}.%"))

    def touches(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The rows of the subtree and of the regions above it: a city's fund line also pays in its kelurahan."""
        above = [self.region[:length] for length in LENGTHS if length <= len(self.region)]
        return or_(column.in_(above), column.like(f"{self.region}.%"))

    def holds(self, spans: FromClause) -> ColumnElement[bool]:
        """The spans of the subtree that cover the end of the day."""
        current = or_(spans.c.until.is_(None), spans.c.until >= self.end)
        return and_(spans.c.since < self.end, current, self.within(spans.c.region))

    def part(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """The child of the region in which a row lies; a kelurahan is its own only part."""
        return func.left(column, self.part_length)

    @property
    def part_length(self) -> int:
        return next((length for length in LENGTHS if length > len(self.region)), LENGTHS[-1])

    def contains(self, region: str) -> bool:
        return region == self.region or region.startswith(f"{self.region}.")
