"""What the screens share."""

from pathlib import Path

from shared.web import Link, Pages

pages = Pages(Path(__file__).parents[1] / "templates", nav=(Link("/", "nav.programmes"),))
