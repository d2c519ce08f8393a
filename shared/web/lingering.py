"""How long requests wait for others to share a transaction with: decided by how it went, with no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

TOGETHER_MAX: Final = 32
"""So many requests share a transaction at most: what a failure makes us do again, and how long locks are held."""
COMPANY_SECONDS: Final = 0.002
"""So long those who have come wait for those who were there the last time."""
APART_SECONDS: Final = 0.030
"""So long apart transactions begin where few requests follow each other closely: all that follows a transaction, as far
as the next service, costs little more for ten requests than for one. No officer sees the wait."""
FEW: Final = 12
"""So many are not few: what each would gain by one more is less than what the wait costs. At 290 a second nine come in
that time, for two thirds of the work that four at a time are."""
PASSES_MAX: Final = 64
"""Whoever sends one request after the other waits in vain, and then no more than for one in so many."""


class Wait(NamedTuple):
    """Until that time, and no longer than until there are so many."""

    until: float
    enough: int


@dataclass(slots=True)
class Lingering:
    """Of one verb in one process. Who comes to a quiet place never waits."""

    _expected: int = 1
    """So many wrote together the last time, or stood behind them."""
    _began: float = float("-inf")
    _passes: int = 0
    """For so many transactions more nobody waits for strangers: it was in vain."""
    _passes_next: int = 1

    def for_others(self) -> Wait | None:
        """What few wait for, who have come soon after the last transaction began: any others."""
        if self._passes:
            return None
        return Wait(self._began + APART_SECONDS, max(2, min(self._expected, FEW)))

    def for_company(self, came: float) -> Wait:
        """What those who began to wait at that time wait for: all who were there the last time."""
        return Wait(came + COMPANY_SECONDS, self._expected)

    def joined(self, others: int) -> None:
        """They have waited for others, and so many came."""
        if others:
            self._passes_next = 1
        else:
            self._passes, self._passes_next = self._passes_next, min(2 * self._passes_next, PASSES_MAX)

    def begins(self, now: float) -> None:
        """A transaction begins."""
        self._began = now

    def ended(self, together: int, behind: int) -> None:
        """It wrote for so many, and so many have come meanwhile."""
        self._expected = min(TOGETHER_MAX, together + behind)
        self._passes = max(0, self._passes - 1)
