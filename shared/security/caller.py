"""Who is asking: one person or system of one agency, with roles and the region subtrees it works in."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, false, or_

from shared.problem import Problem
from shared.security.roles import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """What a verified token says. `name` is the title under which people work, for screens only."""

    subject: str
    agency: str
    roles: frozenset[Role]
    regions: tuple[str, ...]
    name: str = ""

    @property
    def principal(self) -> str:
        """Names the caller in audit rows and for idempotency: subjects are unique within an agency only."""
        return f"{self.agency}/{self.subject}"

    def may_see(self, region: str) -> bool:
        """Whether a dotted region code lies in one of the caller's subtrees. Without regions one sees nothing."""
        return any(region == subtree or region.startswith(f"{subtree}.") for subtree in self.regions)

    def require_region(self, region: str) -> None:
        """Raises the problem `region-not-yours` (403) for a region outside the caller's subtrees."""
        if not self.may_see(region):
            raise Problem("region-not-yours", status=403, region=region)

    def region_filter(self, column: Any) -> ColumnElement[bool]:
        """SQL condition that keeps the rows whose region the caller may see; none for a caller without regions."""
        conditions = [
            condition
            for subtree in self.regions
            for condition in (column == subtree, column.startswith(f"{subtree}.", autoescape=True))
        ]
        return or_(*conditions) if conditions else false()
