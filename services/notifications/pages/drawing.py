"""Geometry of the board's drawings. Widths and heights become attributes of SVG; colours are classes of the style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.notifications.reading.cohorts import Month
from services.notifications.rules.buckets import STILL_TO_DO, Bucket

DEALT_WITH = (Bucket.SERVED, Bucket.EXITED)
OFF_THE_LIST = tuple(bucket for bucket in Bucket if bucket not in (*STILL_TO_DO, *DEALT_WITH))
GROUPS: Mapping[str, tuple[Bucket, ...]] = {
    "still-to-do": STILL_TO_DO,
    "dealt-with": DEALT_WITH,
    "off-the-list": OFF_THE_LIST,
}
"""The three colours of the burn-down, in the order in which they are stacked."""

Name = TypeVar("Name", bound=str)

BAR_WIDTH = 1000.0
COLUMNS_WIDTH, COLUMNS_HEIGHT = 480.0, 260.0
COLUMN_GAP_SHARE = 0.28
COLUMN_WIDTH_MAX = 56.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stacked bar."""

    name: str
    amount: int
    x: float
    width: float


def stacked(amounts: Mapping[Name, int], total: int) -> list[Segment]:
    """A bar as wide as the total; nothing is drawn of what is zero, or below it."""
    segments: list[Segment] = []
    x = 0.0
    for name, amount in amounts.items():
        width = BAR_WIDTH * max(0, amount) / total if total > 0 else 0.0
        if width > 0:
            segments.append(Segment(name, amount, round(x, 2), round(width, 2)))
        x += width
    return segments


def groups_of(buckets: Mapping[Bucket, int]) -> dict[str, int]:
    """The buckets put together into the three groups."""
    return {name: sum(buckets[bucket] for bucket in group) for name, group in GROUPS.items()}


@dataclass(frozen=True, slots=True)
class Box:
    group: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class MonthColumn:
    """The list at the end of one month."""

    month: Month
    left: int
    x: float
    width: float
    boxes: list[Box]
    labelled: bool

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def left_top(self) -> float:
        """Where the part that is still to do ends."""
        return self.boxes[0].y


def columns(months: Sequence[Month], baseline: int) -> list[MonthColumn]:
    """One column per month, stacked from what is still to do upwards; together they are the baseline."""
    if not months or baseline <= 0:
        return []
    step = COLUMNS_WIDTH / len(months)
    width = min(step * (1 - COLUMN_GAP_SHARE), COLUMN_WIDTH_MAX)
    # Labels of more than eight months would run into each other.
    every = -(-len(months) // 8)
    return [
        _column(month, baseline, step * place + (step - width) / 2, width, (len(months) - 1 - place) % every == 0)
        for place, month in enumerate(months)
    ]


def _column(month: Month, baseline: int, x: float, width: float, labelled: bool) -> MonthColumn:
    groups = groups_of(month.buckets)
    boxes: list[Box] = []
    y = COLUMNS_HEIGHT
    for name, persons in groups.items():
        height = COLUMNS_HEIGHT * max(0, persons) / baseline
        y -= height
        boxes.append(Box(name, round(y, 2), round(height, 2)))
    return MonthColumn(month, groups["still-to-do"], round(x, 2), round(width, 2), boxes, labelled)
