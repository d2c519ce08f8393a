"""`tuntas events`: what is generated from the contracts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from shared.events import export

app = App(name="events", help="The contracts: their schemas, AsyncAPI and the README's table.")

Repository = Annotated[Path, Parameter(help="Root of the repository.")]
HERE = Path()


@app.command(name="export")
def export_command(*, repository: Repository = HERE, check: bool = False) -> None:
    """Write schemas, AsyncAPI and the event table anew; with --check only say what differs (ends with 1)."""
    if check:
        files = export.generated(repository)
        differing = [path for path, text in files.items() if not _holds(repository / path, text)]
        differing += export.stale(repository, files)
        print("\n".join(map(str, differing)) or "All is as generated.")
        sys.exit(bool(differing))
    changed = export.write(repository)
    print("\n".join(map(str, changed)) or "All was as generated.")


@app.command
def release(number: str, *, repository: Repository = HERE) -> None:
    """Keep today's schemas as those of a release: from then on they only grow."""
    print(f"{len(export.release(repository, number))} schemas kept under {export.RELEASED / number}.")


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
