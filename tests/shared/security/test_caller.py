"""A region subtree holds its own and nothing that only begins alike."""

import pytest
from sqlalchemy import String, column, select, values

from shared.problem import Problem
from shared.security import Caller, Role
from tests.fixtures import DatabaseFactory


def caller(*regions: str) -> Caller:
    return Caller("x", "dinsos-samarinda", frozenset({Role.COORDINATOR}), regions)


@pytest.mark.parametrize(
    ("subtree", "region", "seen"),
    [
        ("64.72", "64.72.05.1001", True),
        ("64.72", "64.72", True),
        ("64", "64.72.05.1001", True),
        ("64.72", "64.720", False),
        ("64.72", "64.7", False),
        ("64.72.05", "64.72", False),
        ("64.72", "64.73.05.1001", False),
        ("64.72", "", False),
        ("6_.72", "64.72", False),
    ],
)
def test_a_subtree_is_a_dotted_prefix(subtree: str, region: str, seen: bool) -> None:
    assert caller(subtree).may_see(region) is seen


def test_another_region_is_a_problem_and_none_sees_nothing() -> None:
    caller("64.72").require_region("64.72.05")
    with pytest.raises(Problem, match="region-not-yours"):
        caller("64.72").require_region("64.73")
    assert not caller().may_see("64.72")


def test_a_principal_names_agency_and_subject() -> None:
    assert caller("64").principal == "dinsos-samarinda/x"


async def test_the_filter_keeps_exactly_what_may_be_seen(database: DatabaseFactory) -> None:
    codes = ["64", "64.7", "64.72", "64.720", "64.72.05", "64.72.05.1001", "64x72.05", "64.73", "65.72", ""]
    asked: list[tuple[str, ...]] = [(), ("64",), ("64.72",), ("64.72.05", "65"), ("64.72.05.1001",), ("6_.72",), ("%",)]
    regions = values(column("region", String), name="place").data([(code,) for code in codes])
    empty = await database("intake", migrated=False)
    async with empty.engine.connect() as connection:
        for subtrees in asked:
            query = select(regions.c.region).where(caller(*subtrees).region_filter(regions.c.region))
            seen = set(await connection.scalars(query))
            assert seen == {code for code in codes if caller(*subtrees).may_see(code)}, subtrees
