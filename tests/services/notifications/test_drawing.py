"""The drawings of the board are true: widths are shares, columns are the baseline."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.pages.drawing import BAR_WIDTH, COLUMNS_HEIGHT, GROUPS, columns, groups_of, stacked
from services.notifications.reading.cohorts import Month, month_ends
from services.notifications.rules.buckets import Bucket

BUCKETS = st.fixed_dictionaries({bucket: st.integers(0, 3_000) for bucket in Bucket})


@settings(deadline=None)
@given(buckets=BUCKETS)
def test_a_stacked_bar_is_as_wide_as_its_total(buckets: dict[Bucket, int]) -> None:
    total = sum(buckets.values())
    segments = stacked(buckets, total)
    assert [segment.name for segment in segments] == [bucket for bucket, persons in buckets.items() if persons]
    assert abs(sum(segment.width for segment in segments) - (BAR_WIDTH if total else 0)) < 0.1


@settings(deadline=None)
@given(buckets=BUCKETS, months=st.integers(1, 36))
def test_columns_stand_beside_each_other_and_reach_the_top(buckets: dict[Bucket, int], months: int) -> None:
    baseline = sum(buckets.values())
    drawn = columns([Month(date(2023, 1, 31), buckets)] * months, baseline)
    if not baseline:
        assert drawn == []
        return
    assert all(left.x + left.width <= right.x for left, right in pairwise(drawn))
    assert all(abs(sum(box.height for box in column.boxes) - COLUMNS_HEIGHT) < 0.1 for column in drawn)
    assert sum(column.labelled for column in drawn) <= 9
    assert drawn[-1].labelled


def test_every_bucket_is_in_one_group() -> None:
    assert sorted(bucket for group in GROUPS.values() for bucket in group) == sorted(Bucket)
    assert groups_of(dict.fromkeys(Bucket, 1)) == {"still-to-do": 3, "dealt-with": 2, "off-the-list": 6}


def test_months_end_with_the_day_asked_for() -> None:
    assert month_ends(date(2022, 12, 5), date(2023, 2, 10)) == [
        date(2022, 12, 31),
        date(2023, 1, 31),
        date(2023, 2, 10),
    ]
    assert month_ends(date(2022, 12, 5), date(2022, 12, 5)) == [date(2022, 12, 5)]
    assert len(month_ends(date(2000, 1, 1), date(2023, 2, 10))) == 36
