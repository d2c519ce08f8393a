"""Where a benchmark runs: the stack, a folder of its own, and how large it is to be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from local.stack import StackAddresses


class Size(Enum):
    """``small`` only shows that a benchmark runs; only the figures of ``full`` say anything."""

    SMALL = "small"
    FULL = "full"


@dataclass(frozen=True)
class Workplace:
    """What every benchmark is given. The stack keeps its promises: PostgreSQL with fsync on, Kafka as shipped."""

    stack: StackAddresses
    state: Path
    size: Size
    root: str = field(default_factory=lambda: f"b{secrets.token_hex(4)}")
    """The topic root, database prefix and folder of this run: nothing of an earlier one is met again."""

    def at_size(self, small: int, full: int) -> int:
        """A number that depends on the size."""
        return small if self.size is Size.SMALL else full

    @property
    def rounds(self) -> int:
        return self.at_size(1, 5)
