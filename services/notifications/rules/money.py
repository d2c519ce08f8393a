"""How far a fund line and a quota are used, by the facts that agencies announced about them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.events.fields import Unit


@dataclass(frozen=True, slots=True)
class FundLineUse:
    """A budget line. Committed = on payment lists that are not settled; realised = paid and not come back."""

    agency: str
    fund_line: str
    programmes: tuple[str, ...]
    region: str
    fiscal_year: int
    source: str
    ceiling_rupiah: int
    committed_rupiah: int
    realised_rupiah: int

    @property
    def left_rupiah(self) -> int:
        """What is neither committed nor realised; below zero only where something is wrong."""
        return self.ceiling_rupiah - self.committed_rupiah - self.realised_rupiah


@dataclass(frozen=True, slots=True)
class ListUse:
    """A payment list, and what its items have become so far."""

    rupiah: int
    paid_rupiah: int
    failed_rupiah: int
    settled: bool

    @property
    def committed_rupiah(self) -> int:
        """What the list still holds back: nothing once every item has its result."""
        return 0 if self.settled else max(0, self.rupiah - self.paid_rupiah - self.failed_rupiah)


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Places of a programme in a region: a place is taken from the fact that fills it to the fact that releases it."""

    agency: str
    programme: str
    quota_id: str
    region: str
    period: str
    unit: Unit
    places: int
    filled: int
    released: int
    waiting_families: int

    @property
    def taken(self) -> int:
        return self.filled - self.released

    @property
    def free(self) -> int:
        return self.places - self.taken
