"""A report names its commit, and says where files differ from it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from local.commit import commit_of


def test_a_report_names_the_commit_and_outside_a_repository_none(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("one")
    for arguments in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "One."]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert commit_of(tmp_path) == head
    (tmp_path / "file").write_text("another")
    assert commit_of(tmp_path) == f"{head}-dirty"
