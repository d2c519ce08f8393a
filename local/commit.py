"""Which commit a report is of."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """The commit that a folder is at, marked where its files differ from it; None outside a repository."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
