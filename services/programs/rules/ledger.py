"""Double entry of a fund line: money is always in exactly one account and moves by transfers that never change.

A transfer takes whole rupiah from one account and puts them into another, so every one of them sums to zero by its
very shape. ``ceiling`` is what the budget granted, kept below zero; the other five together are what was granted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Account(StrEnum):
    CEILING = "ceiling"
    """The grant itself: the only account below zero."""
    AVAILABLE = "available"
    RESERVED = "reserved"
    """Set aside for an enrolment, or for a list that waits for its second person."""
    COMMITTED = "committed"
    """Approved with a decree and on its way to the payer."""
    REALISED = "realised"
    """Paid."""
    RETURNED = "returned"
    """Paid and come back. It goes to the treasury: spending it again needs a new budget decision."""


class Move(StrEnum):
    """Why money changes its account."""

    GRANT = "grant"
    CUT = "cut"
    RESERVE = "reserve"
    RELEASE = "release"
    COMMIT = "commit"
    REALISE = "realise"
    FAIL = "fail"
    RETURN = "return"
    REVERSE = "reverse"


PATHS: Final = MappingProxyType(
    {
        Move.GRANT: (Account.CEILING, Account.AVAILABLE),
        Move.CUT: (Account.AVAILABLE, Account.CEILING),
        Move.RESERVE: (Account.AVAILABLE, Account.RESERVED),
        Move.RELEASE: (Account.RESERVED, Account.AVAILABLE),
        Move.COMMIT: (Account.RESERVED, Account.COMMITTED),
        Move.REALISE: (Account.COMMITTED, Account.REALISED),
        Move.FAIL: (Account.COMMITTED, Account.AVAILABLE),
        Move.RETURN: (Account.REALISED, Account.RETURNED),
        Move.REVERSE: (Account.REALISED, Account.AVAILABLE),
    }
)
"""From which account to which. There is no other way for money to move."""


@dataclass(frozen=True, slots=True)
class Balances:
    """The accounts of a fund line in whole rupiah. None but the grant is ever below zero."""

    available: int = 0
    reserved: int = 0
    committed: int = 0
    realised: int = 0
    returned: int = 0

    @property
    def ceiling(self) -> int:
        """What the budget granted: the sum of where it is."""
        return self.available + self.reserved + self.committed + self.realised + self.returned

    def after(self, move: Move, rupiah: int) -> Balances | None:
        """The balances after a transfer; None where the account it leaves has not enough."""
        if rupiah <= 0:
            raise ValueError("a transfer moves a positive number of rupiah")
        leaves, enters = PATHS[move]
        changed = self
        if leaves is not Account.CEILING:
            left = getattr(self, leaves.value) - rupiah
            if left < 0:
                return None
            changed = replace(changed, **{leaves.value: left})
        if enters is not Account.CEILING:
            changed = replace(changed, **{enters.value: getattr(changed, enters.value) + rupiah})
        return changed


def balances_of(transfers: Iterable[tuple[Move, int]]) -> Balances:
    """The balances that a journal adds up to; what reconcile compares the fund line with."""
    sums = dict.fromkeys(Account, 0)
    for move, rupiah in transfers:
        leaves, enters = PATHS[move]
        sums[leaves] -= rupiah
        sums[enters] += rupiah
    return Balances(**{account.value: amount for account, amount in sums.items() if account is not Account.CEILING})
