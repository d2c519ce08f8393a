"""What a payment list still holds back, and what is left of a line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.rules.money import FundLineUse, ListUse, QuotaUse
from shared.events.fields import Unit

ITEMS = st.lists(st.tuples(st.integers(1, 10_000_000), st.sampled_from(["open", "paid", "failed"])), max_size=30)


@settings(deadline=None)
@given(items=ITEMS)
def test_a_list_holds_back_exactly_its_open_items(items: list[tuple[int, str]]) -> None:
    of = {state: sum(rupiah for rupiah, each in items if each == state) for state in ("open", "paid", "failed")}
    whole = sum(of.values())
    settled = not of["open"]
    assert ListUse(whole, of["paid"], of["failed"], settled).committed_rupiah == of["open"]


def test_a_settled_list_holds_back_nothing() -> None:
    assert ListUse(rupiah=900, paid_rupiah=300, failed_rupiah=0, settled=True).committed_rupiah == 0


def test_results_heard_before_their_list_hold_back_nothing() -> None:
    assert ListUse(rupiah=0, paid_rupiah=300, failed_rupiah=0, settled=False).committed_rupiah == 0


def test_left_is_what_is_neither_committed_nor_realised() -> None:
    line = FundLineUse(
        "dinsos-samarinda", "APBD-2022/64.72/BLT", ("BLT-2022",), "64.72", 2022, "apbd-city", 1_000, 300, 650
    )
    assert line.left_rupiah == 50


def test_a_released_place_is_free() -> None:
    quota = QuotaUse("dinkop-samarinda", "UEP-2023", "q", "64.72.05", "2023", Unit.FAMILY, 40, 40, 3, 5)
    assert (quota.taken, quota.free) == (37, 3)
