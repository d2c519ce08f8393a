"""The look-up asks for nothing but what it is given, and finds that, whatever it is asked for beside."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from services.intake.register_lookup import Known
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.intake.city import household, intake, kk, nik

GIVEN = ("references", "cards", "numbers", "digests", "held")


async def test_each_kind_of_number_is_found_alone_and_beside_any_others(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    answer = await city.client(Role.PROGRAMME_OFFICER).post("/api/v1/households", json=household(1))
    [member] = answer.json()["members"][:1]
    vault = city.deployment.vault
    number, card, nobodys = vault.blind_index("nik", nik(1)), vault.blind_index("kk", kk(1)), b"\0" * 32
    values: dict[str, Any] = {
        "references": ["of nobody"], "cards": [card, nobodys], "numbers": [nobodys, number],
        "digests": [nobodys], "held": [nobodys],
    }  # fmt: skip
    async with city.session() as session:
        for count in range(len(GIVEN) + 1):
            for asked in combinations(GIVEN, count):
                known = Known()
                await known.ask(session, "p3ke", **{name: values[name] for name in asked})
                households = {each.household_id for each in known.by_card.values()}
                assert [str(each) for each in households] == [answer.json()["household_id"]] * ("cards" in asked)
                found = {index: str(each.member_id) for index, each in known.holders.items()}
                assert found == ({number: member["member_id"]} if "numbers" in asked else {})
                assert (known.by_reference, known.digests, known.is_waited_for) == ({}, set(), False)
