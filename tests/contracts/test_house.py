"""Rules of the house that no linter knows. Each names what went wrong elsewhere for want of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("services", "shared", "local")
LINES_MAX = 400
VAGUE = {"base", "common", "core", "helpers", "manager", "utils"}
# The one place that waits, and for a condition.
WAITS = {ROOT / "tests/fixtures/waiting.py"}
# Drills are no tests: they let a load work for a while, and choose the moment of a fault by seed.
DRILLS = ROOT / "tests/drills"


def test_no_test_sleeps() -> None:
    """A test that sleeps is slow on a good day and wrong on a bad one: `eventually` waits for what must become true."""
    sleeps = calls("tests", {"time.sleep", "asyncio.sleep", "anyio.sleep"}, but="(0)")
    assert [where for where, path in sleeps if path not in WAITS and not path.is_relative_to(DRILLS)] == []


def test_no_test_is_skipped() -> None:
    """A skipped proof looks like a proof: what a test needs is there, or the test fails and says what is missing."""
    skips = {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    assert [where for where, _ in names("tests", skips)] == []


def test_nothing_is_imported_from_a_conftest() -> None:
    """Which conftest is meant depends on where pytest was started."""
    found = [
        place(path, node)
        for path in sources("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == "conftest"
    ]
    assert found == []


def test_only_the_edge_commits() -> None:
    """A service that commits by itself announces what is then rolled back, or the other way round."""
    found = [
        place(path, node)
        for path in sources("services")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
        and ast.unparse(node.func.value).endswith("session")
    ]
    assert found == []


def test_no_rule_asks_what_time_it_is() -> None:
    """A rule that reads the clock cannot be asked about last year: it receives `today`."""
    clock = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    assert [where for where, path in calls("services", clock) if "rules" in path.parts or path.stem == "rules"] == []


@pytest.mark.parametrize("root", PRODUCT)
def test_no_module_is_named_after_nothing(root: str) -> None:
    """Whatever has no home is put into utils, and is never found again."""
    assert [shown(path) for path in sources(root) if VAGUE & {path.stem, *path.relative_to(ROOT).parts}] == []


@pytest.mark.parametrize("root", PRODUCT)
def test_a_file_that_outgrows_four_hundred_lines_becomes_a_folder(root: str) -> None:
    """Long files are where two people work at once. A contract stays whole, however long: one file per announcer."""
    grown = (path for path in sources(root) if len(path.read_text().splitlines()) > LINES_MAX)
    assert [shown(path) for path in grown if path.parent != ROOT / "shared/events"] == []


def sources(root: str) -> Iterator[Path]:
    return (path for path in sorted((ROOT / root).rglob("*.py")) if "node_modules" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def place(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{shown(path)}:{node.lineno}"


def calls(root: str, wanted: set[str], but: str = "never") -> list[tuple[str, Path]]:
    """Where one of the dotted names is called, except with the arguments `but`: to sleep for 0 is to let others run."""
    return [
        (place(path, node), path)
        for path in sources(root)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in wanted and not ast.unparse(node).endswith(but)
    ]


def names(root: str, wanted: set[str]) -> list[tuple[str, Path]]:
    """Where one of the dotted names stands, called or not."""
    return [
        (place(path, node), path)
        for path in sources(root)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in wanted
    ]
