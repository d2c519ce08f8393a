"""How long requests wait for others to share a transaction with: decided by how it went, with no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOGETHER_MAX: Final = 32
"""So many requests share a transaction at most: what a failure makes us do again, and how long locks are held."""
COMPANY_SECONDS: Final = 0.002
"""So long those who have come wait for those who were there the last time."""
APART_SECONDS: Final = 0.020
"""So long apart transactions begin where requests come one after the other, and faster than that: all that follows a
transaction, as far as the next service, costs little more for two requests than for one. Nobody sees the wait."""
PASSES_MAX: Final = 64
"""Whoever sends one request after the other waits in vain, and then no more than for one in so many."""


@dataclass(slots=True)
class Lingering:
    """Of one company. Who comes alone, or to a quiet place, never waits."""

    _expected: int = 1
    """So many wrote together the last time, or stood behind them."""
    _began: float = float("-inf")
    _passes: int = 0
    """For so many transactions more nobody waits for new ones: it was in vain."""
    _passes_next: int = 1

    @property
    def enough(self) -> int:
        """With so many nobody waits any longer."""
        return min(TOGETHER_MAX, max(2, self._expected))

    def until(self, waiting: int, now: float) -> float:
        """When those who wait stop waiting; not after now where they need not begin to."""
        if waiting >= self.enough:
            return now
        company = now + COMPANY_SECONDS if waiting < self._expected else now
        if self._passes:
            self._passes -= 1
            return company
        return max(company, self._began + APART_SECONDS)

    def waited(self, joined: int) -> None:
        """They have waited, and so many joined them."""
        if joined:
            self._passes_next = 1
        else:
            self._passes, self._passes_next = self._passes_next, min(2 * self._passes_next, PASSES_MAX)

    def begins(self, now: float) -> None:
        """A transaction begins."""
        self._began = now

    def ended(self, together: int, behind: int) -> None:
        """It wrote for so many, and so many have come meanwhile."""
        self._expected = min(TOGETHER_MAX, together + behind)
