"""`python -m tests.drills [--seeds N] [--only 1,9] [--size small|large|huge] [--first-seed S] [--report FILE]`.

``--minutes``: no seed begins later than that; a drill of which none was played by then is not well.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import stamina

from local.commit import commit_of
from local.stack import state_folder
from tests.drills.scene import Drill, Outcome, Scene, Size
from tests.drills.stack import DrillStack

_HERE = Path(__file__).parent
_SAID_MAX = 12
SMALL_ENDS_WITHIN_SECONDS = 600
LARGE_ENDS_WITHIN_SECONDS = 3_600
"""A drill that waits for what never comes fails, and the next one plays."""


@dataclass
class Line:
    """A drill in the report: the sums over its seeds."""

    drill: Drill
    commit: str | None = None
    """What was played, by its commit; None outside a repository."""
    seeds: list[int] = field(default_factory=list)
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """What is wrong, by seed. A drill of which nothing was played shows nothing."""
        if not self.outcomes:
            return ["no seed was played"]
        return [
            f"seed {seed}: {why}" for seed, one in zip(self.seeds, self.outcomes, strict=True) for why in one.failed
        ]

    @property
    def is_well(self) -> bool:
        return bool(self.outcomes) and all(one.is_well for one in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        counted = (
            "events",
            "kills",
            "server_stops",
            "lost",
            "twice",
            "out_of_order",
            "overspent_rupiah",
            "unexplained",
        )
        told = ("acknowledged", "unacknowledged")
        return {
            "drill": self.drill.number,
            "name": self.drill.name,
            "commit": self.commit,
            "seeds": len(self.seeds),
            "seed_numbers": self.seeds,
            **{name: sum(asdict(each)[name] for each in self.outcomes) for name in (*counted, *told)},
            "seconds": round(self.seconds, 1),
            "failed": self.failures,
            "notes": {str(seed): one.notes for seed, one in zip(self.seeds, self.outcomes, strict=True) if one.notes},
        }


def find_drills() -> dict[int, str]:
    """Every module ``drill_NN_….py``, by its number; none is imported."""
    return {int(path.stem.split("_")[1]): f"tests.drills.{path.stem}" for path in sorted(_HERE.glob("drill_*.py"))}


def import_drill(module: str) -> Drill:
    drill: Drill = importlib.import_module(module).DRILL
    return drill


def main() -> int:
    found = find_drills()
    asked = _parse(found)
    return asyncio.run(_play([import_drill(found[number]) for number in asked.only], asked))


def _parse(drills: Collection[int]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--size", choices=get_args(Size), default="small")
    parser.add_argument("--only", default=",".join(map(str, sorted(drills))), help="numbers of drills: 1,9")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no seed begins later than that")
    parser.add_argument("--report", type=Path, default=Path("build/drills.json"))
    asked = parser.parse_args()
    asked.only = [int(each) for each in asked.only.split(",")]
    missing = sorted(set(asked.only) - set(drills))
    if missing:
        parser.error(f"there is no drill {', '.join(map(str, missing))}")
    if asked.seeds < 1 or asked.minutes <= 0:
        parser.error("nothing would be played")
    return asked


def _be_quiet() -> None:
    """Clients that ask again, and that ask once, are what drills are made of."""
    stamina.instrumentation.set_on_retry_hooks([])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="timeout=0 means", category=UserWarning)


async def _play(drills: Sequence[Drill], asked: Any) -> int:
    _be_quiet()
    folder = state_folder() / "drills"
    shutil.rmtree(folder, ignore_errors=True)
    lines, commit = list[Line](), commit_of(_HERE)
    begins_before = time.monotonic() + 60 * asked.minutes
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    async with DrillStack(folder / "stack") as servers:
        print(f"{servers.addresses.summary()}; commits are on the disk", flush=True)
        for drill in drills:
            line = Line(drill, commit)
            lines.append(line)
            write_report(asked.report, lines)
            for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
                if time.monotonic() > begins_before:
                    break
                await _one(line, Scene(drill, seed, asked.size, servers, folder / f"{drill.number}-{seed}"))
                write_report(asked.report, lines)
    failed = [each for each in lines if not each.is_well]
    for each in failed:
        if not each.outcomes:
            print(f"drill {each.drill.number:>2}: FAILED; no seed was played   {each.drill.name}")
    print(f"{len(lines)} drills; {len(failed)} failed. Report: {asked.report}")
    return int(bool(failed))


def write_report(path: Path, lines: Sequence[Line]) -> None:
    written = json.dumps([each.as_dict() for each in lines], indent=1, default=str)
    path.write_text(written + "\n", encoding="utf-8")


async def _one(line: Line, scene: Scene) -> None:
    began = time.monotonic()
    try:
        assert scene.drill.play is not None
        async with asyncio.timeout(scene.at_size(SMALL_ENDS_WITHIN_SECONDS, LARGE_ENDS_WITHIN_SECONDS)):
            await scene.drill.play(scene)
    except Exception as error:  # noqa: BLE001 - the next drill plays all the same
        scene.outcome.failed.append(f"{type(error).__name__}: {error!s:.500}")
        traceback.print_exc()
    await _heal(scene)
    seconds = time.monotonic() - began
    line.seeds.append(scene.seed)
    line.outcomes.append(scene.outcome)
    line.seconds += seconds
    _say(scene, seconds)


async def _heal(scene: Scene) -> None:
    """A drill that failed may have left a server down, or asleep."""
    for server in (scene.kafka, scene.postgres):
        await server.resume()
        if not server.runs:
            await server.start()


def _say(scene: Scene, seconds: float) -> None:
    one = scene.outcome
    word = "well" if one.is_well else "FAILED"
    print(
        f"drill {scene.drill.number:>2} seed {scene.seed}: {word}; {one.events:,} events, {one.kills} kills, "
        f"{one.server_stops} stops of a server, "
        f"{one.acknowledged:,} acknowledged, {one.unacknowledged} without answer; lost {one.lost}, twice {one.twice}, "
        f"out of order {one.out_of_order}, Rp {one.overspent_rupiah} overspent, {one.unexplained} unexplained; "
        f"{seconds:.0f} s   {scene.drill.name}",
        flush=True,
    )
    for why in one.failed[:_SAID_MAX]:
        print(f"         {why}")
    if not one.is_well:
        again = f'make drills ARGS="--only {scene.drill.number} --first-seed {scene.seed} --size {scene.size}"'
        print(f"         play it again: {again}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
