"""What the screens share: the frame with its navigation."""

from __future__ import annotations

from pathlib import Path

from shared.web import Link, Pages

pages = Pages(
    Path(__file__).parents[1] / "templates", nav=(Link("/", "nav.files"), Link("/duplicates", "nav.duplicates"))
)
