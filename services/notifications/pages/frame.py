"""What all screens of this service share: the frame, its navigation, and small words of their own."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from shared.web import Link, Pages

ASSETS = Path(__file__).parents[1] / "assets"

pages = Pages(
    Path(__file__).parents[1] / "templates",
    nav=(Link("/", "board.nav.board"), Link("/unserved", "board.nav.unserved"), Link("/inbox", "board.nav.inbox")),
)


@cache
def asset(name: str) -> str:
    """The address of one of this service's own files, with its version."""
    digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/board-assets/{name}?v={digest}"
