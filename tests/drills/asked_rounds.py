"""Rounds as people ask for them: families are proposed, decided on and taken back by many at once, over HTTP.

What each family takes follows from how many it is, so that amounts differ. Of two programmes, one is short of places
and the other of money. What the clients were told is held against the tables, to the place and the rupiah.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, NamedTuple
from uuid import uuid4

from local.story.desk import Desk
from services.programs.load_programme import in_force, lock_quotas
from services.programs.models import FundLineRow
from services.programs.move_money import balances
from tests.drills.load import DAY, DINSOS, LOOK_SECONDS
from tests.drills.looking import opened
from tests.drills.scene import DrillCity, Scene

CLIENTS = 24
_VOID = {"reason": "decided-in-error"}


class Window(NamedTuple):
    """One process of the agency's deployment, and the two people who decide there."""

    officer: Desk
    head: Desk


class Held(NamedTuple):
    """What a family was told to have."""

    enrolment_id: str
    units: int
    rupiah: int


@dataclass
class Asked:
    """One programme, and what its clients were told."""

    scene: Scene
    code: str
    windows: Sequence[Window]
    """With each step whoever comes goes to the next one."""
    short_of: str
    """The reason with which those are refused for whom there is nothing left."""
    held: dict[str, Held] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._turns = cycle(self.windows)

    async def round(self, family: str) -> None:
        """The family takes part if it does not yet; else it leaves."""
        if family in self.held:
            await self.leaves(family)
        else:
            await self._takes_part(family)

    async def _takes_part(self, family: str) -> None:
        path = f"/api/v1/programmes/{self.code}/enrolments:batch"
        proposal = await next(self._turns).officer.post(path, {"households": [family]}, key=uuid4().hex)
        if proposal["accepted"]:
            proposal = await decided(next(self._turns).head, proposal)
        path = f"/api/v1/proposals/{proposal['proposal_id']}/items"
        [item] = (await next(self._turns).officer.get(path))["items"]
        if item["state"] == "enrolled":
            [enrolment] = await self._active(family)
            self.held[family] = Held(enrolment["enrolment_id"], enrolment["persons"], item["rupiah"])
            self.told["enrolled"] += 1
            return
        [reason] = item["reasons"]
        self.told[reason["code"]] += 1
        self.scene.expect(reason["code"] == self.short_of, f"{self.code} refuses for {reason['code']}.")

    async def all_ask(self, families: Sequence[str]) -> None:
        """Everybody who has nothing asks at the same time; not all of them can have it."""
        await asyncio.gather(*(self._takes_part(family) for family in families if family not in self.held))

    async def leaves(self, family: str) -> None:
        """The enrolment is voided, and what it had taken is there for others."""
        asked = await next(self._turns).officer.post(f"/api/v1/enrolments/{self.held[family].enrolment_id}/void", _VOID)
        await next(self._turns).head.post(f"/api/v1/corrections/{asked['correction_id']}/decision", {"approve": True})
        self.scene.expect(not await self._active(family), f"{self.code}: a voided enrolment is active no more.")
        del self.held[family]
        self.told["voided"] += 1

    async def _active(self, family: str) -> list[Any]:
        page = await next(self._turns).officer.get(
            "/api/v1/enrolments", programme=self.code, household_id=family, status="active"
        )
        found: list[Any] = page["items"]
        return found


async def decided(head: Desk, proposal: Any) -> Any:
    """Approve a proposal by a decree of its own, and wait until it is carried out."""
    path = f"/api/v1/proposals/{proposal['proposal_id']}"
    decree = {"number": f"460/{uuid4().hex[:8]}/2022", "dated": DAY, "list_sha256": proposal["list_sha256"]}
    await head.post(f"{path}/decision", {"approve": True, "decree": decree})
    while (seen := await head.get(path))["state"] != "done":
        await asyncio.sleep(LOOK_SECONDS)
    return seen


async def asked_rounds(
    scene: Scene, city: DrillCity, programmes: Sequence[Asked], families: list[str], count: int
) -> None:
    """So many rounds by clients with families of their own; then all ask, everybody leaves, and all is there again."""
    turns = iter([scene.random.randrange(2**32) for _ in range(count)])

    async def work(mine: Sequence[str]) -> None:
        for turn in turns:
            await programmes[turn % len(programmes)].round(mine[turn // len(programmes) % len(mine)])

    await asyncio.gather(*(work(families[first::CLIENTS]) for first in range(CLIENTS)))
    for each in programmes:
        await _hold_against_tables(scene, city, each)
        # By the chances of the rounds alone, there may have been enough for all who asked.
        await each.all_ask(families)
        await _hold_against_tables(scene, city, each)
        scene.expect(each.told[each.short_of] > 0, f"Some came too late for {each.code}: {dict(each.told)}")
        await asyncio.gather(*(each.leaves(family) for family in list(each.held)))
        await _hold_against_tables(scene, city, each)
        scene.note(f"asked {each.code}", dict(each.told))


async def _hold_against_tables(scene: Scene, city: DrillCity, told: Asked) -> None:
    async with opened(city, f"programs.{DINSOS}") as deployment, deployment.sessions() as session:
        running = await in_force(session, told.code)
        line = await session.get_one(FundLineRow, running.fund_line_id)
        [quota] = await lock_quotas(session, running.programme_id)
        kept, units = balances(line), sum(each.units for each in told.held.values())
        rupiah = sum(each.rupiah for each in told.held.values())
        scene.outcome.overspent_rupiah += max(0, kept.reserved - line.ceiling_rupiah)
        scene.expect(quota.taken == units <= quota.places, f"{quota.taken} of {quota.places} taken, {units} told.")
        scene.expect(kept.reserved == rupiah, f"Rp {kept.reserved} are reserved, Rp {rupiah} told.")
        scene.expect(kept.available + kept.reserved == line.ceiling_rupiah, f"The accounts add up: {kept}")
