"""What the documents promise: code blocks that are files, links that lead somewhere, names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

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
    registry = CollectorRegistry()
    HeardMetrics(registry)
    RelayMetrics(registry)
    TimerMetrics(registry)
    HttpMetrics(registry)
    show_process(registry, {})
    names = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in registry.collect()
    }  # fmt: skip
    assert [name for name in sorted(names) if f"`{name}" not in operations] == []


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
