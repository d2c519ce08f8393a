"""What a holder and a keeper of the stack have agreed upon."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

# Exit code of a keeper that found another one at work, and what one says to a holder who leaves before others.
SOMEBODY_ELSE_KEEPS_IT = 75
STAYS = b"others still use it\n"
# Where a keeper leaves the sentence by which it failed.
FAILURE = "failure.txt"


@dataclass(frozen=True)
class Plan:
    """What to start. `fresh`: begin empty and leave nothing. `flushing`: commits are on the disk, as in production."""

    jars: str
    fresh: bool = False
    flushing: bool = True
    containers: bool = False

    def keeper(self, state: Path) -> list[str]:
        """The command line of a keeper that carries it out."""
        return [sys.executable, "-m", "local.stack.keeper", str(state), json.dumps(asdict(self))]
