"""What the documents promise: code blocks that are files, links that lead somewhere, names that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from shared.messaging.kernel import Role
from shared.messaging.metrics import HeardMetrics, HttpMetrics, RelayMetrics, TimerMetrics, show_process

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "services").glob("*/README.md")],
)
BY_PATH = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS]
_FILE_BLOCK = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH_IN_CODE = re.compile(r"`((?:shared|services|local|tests|docs)/[\w./-]*[\w/])`")


@pytest.mark.parametrize("document", BY_PATH)
def test_code_that_is_shown_is_code_that_runs(document: Path) -> None:
    for name, shown in _FILE_BLOCK.findall(document.read_text(encoding="utf-8")):
        assert shown == (ROOT / name).read_text(encoding="utf-8"), f"{document.name} shows an older {name}"


def test_the_readme_shows_how_to_read_and_to_announce() -> None:
    shown = {name for name, _ in _FILE_BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    province = ROOT / "tests/connected/province"
    assert shown == {str(path.relative_to(ROOT)) for path in province.iterdir() if path.suffix in (".py", ".mjs")}


@pytest.mark.parametrize("document", BY_PATH)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"<!--.*?-->", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    inside = [link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link and not link.startswith("#")]
    missing = [link for link in inside if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", BY_PATH)
def test_paths_in_code_exist(document: Path) -> None:
    missing = [
        path for path in _PATH_IN_CODE.findall(document.read_text(encoding="utf-8")) if not (ROOT / path).exists()
    ]
    assert missing == []


def test_every_metric_is_explained() -> None:
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in sorted(metrics()) if f"`{name}" not in operations] == []


def test_every_metric_of_the_operations_page_exists() -> None:
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    existing = metrics()
    named = re.findall(r"(tuntas_\w+)(?:\{([^}]*)\})?", operations)
    assert {name for name, _ in named} <= existing.keys()
    for name, labels in named:
        shown = {each.partition("=")[0] for each in labels.split(",") if each}
        assert shown <= existing[name], f"{name} has no label {sorted(shown - existing[name])}"


def test_every_row_of_what_is_short_begins_with_something_that_is_shown_and_adds_roles_that_exist() -> None:
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    table = operations.partition("| metric seen |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]
    assert len(rows) > 10
    for seen, _, role, *rest in rows:
        assert len(rest) == 2, seen
        assert re.search(r"`(rate\()?tuntas_|`pg_stat_activity`", seen), f"nobody can see: {seen}"
        assert set(re.findall(r"`(?:--role )?([a-z]+)`", role)) <= {*get_args(Role)}, role


def metrics() -> dict[str, set[str]]:
    """The labels of every figure of ``/metrics``, by its name as Prometheus queries it."""
    registry = CollectorRegistry()
    HeardMetrics(registry).count(handled=0, parked=["gap"], of=1)
    RelayMetrics(registry)
    TimerMetrics(registry)
    HttpMetrics(registry).answered("GET", "/", 200, 0.1)
    show_process(registry, {"requests": lambda: (0, 1)})
    return {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: {
            label for sample in metric.samples for label in sample.labels if label != "le"
        }
        for metric in registry.collect()
    }


def test_every_reason_for_parking_is_explained() -> None:
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    sources = [ROOT / "shared/messaging" / name for name in ("records.py", "heard.py", "hearing.py")]
    reasons = {reason for path in sources for reason in re.findall(r'Fault\(\s*"([a-z-]+)"', path.read_text())}
    assert "gap" in reasons
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in operations] == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("*.md"):
        if page.name != "README.md":
            title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            assert f"[{title}]({page.name})" in index
            assert re.search(r"look.{0,4} again|Look at it again", page.read_text(encoding="utf-8"), re.IGNORECASE), (
                page.name
            )
