"""A load of whole files: registers and closed lists of thousands, visits by the hundred, payment lists of thousands.

Every family on a file goes the whole way, from its row to the bank's answer, so that a city has a known end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.drills.families import Families, register_file
from tests.drills.load import Load, Registered

FAMILIES_OF_A_FILE = 2_000
MEMBERS_MAX = 2
VISITED_TOGETHER = 500
PAID_TOGETHER_MAX = 5_000
LOOKS_AFTER_SECONDS = 0.5
IDLE_LOOKS_MAX = 1_200
"""No family was paid for so many looks, ten minutes or more: then the judgement says what was lost. Four minutes were
too few for two cities on a machine that gave the drill a fifth of a core."""


@dataclass
class BulkLoad(Load):
    """One who registers family by family, one who hands in files, and who works off what is on them."""

    files: int = 1
    imported: int = 0
    """Families that were handed in by files."""
    paid_together_max: int = PAID_TOGETHER_MAX
    looks_after_s: float = LOOKS_AFTER_SECONDS
    decisions_asked_once: float = 0.0
    """Every family goes the whole way."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._filed = Families(self.scene.random.getrandbits(32), MEMBERS_MAX)

    async def until_all_are_paid(self) -> bool:
        """Until every family of every file was paid, or for a long time nobody was; whether all were."""
        came_so_far, idle_looks = 0, 0
        while self.imported < self.files * FAMILIES_OF_A_FILE or len(self.paid) < self.imported:
            moved = self.imported + len(self.paid) > came_so_far
            came_so_far, idle_looks = self.imported + len(self.paid), 0 if moved else idle_looks + 1
            if idle_looks > IDLE_LOOKS_MAX or self.someone_gave_up:
                return False
            await asyncio.sleep(self.looks_after_s)
        return True

    def _clients_by_work(self) -> list[tuple[int, Callable[[], Awaitable[None]]]]:
        return [*super()._clients_by_work(), (1, self._import_on)]

    async def _next_family(self) -> dict[str, Any]:
        """Now and then somebody comes to the counter who stands on no list."""
        await asyncio.sleep(self.looks_after_s)
        return self._families.next()

    async def _import_on(self) -> None:
        """A closed list and the register file with its families; the next ones when these are in the register."""
        if self.imported >= self.files * FAMILIES_OF_A_FILE:
            await asyncio.sleep(self.looks_after_s)
            return
        families = [self._filed.next() for _ in range(FAMILIES_OF_A_FILE)]
        await self._hand_in_list(families)
        niks = [[member["nik"] for member in family["members"]] for family in families]
        fields = {"kind": "register", "register_code": "dtks"}
        accepted = await self._hand_in(
            "register.csv", register_file(families), fields, sum(map(len, niks)), families=niks
        )
        self.imported += len(families)
        await self._until(self._desk("intake", "petugas-register"), f"/api/v1/imports/{accepted['import_id']}", "done")

    async def _decide_on(self) -> None:
        """Visit whoever is assigned, a page at a time."""
        desk = self._desk("verification", "penyelia-verifikasi")
        cases = (await desk.get("/api/v1/cases", state="assigned", limit=VISITED_TOGETHER))["cases"]
        known = [Registered(each["household_id"], each["members"], each["case_id"]) for each in cases]
        if not known:
            await asyncio.sleep(self.looks_after_s)
            return
        await self._visit_and_decide(known)

    async def _disburse_on(self) -> None:
        """Wait for a list worth paying: as many families as a file has, or the last ones."""
        left = self.files * FAMILIES_OF_A_FILE - len(self.paid)
        if self._verified.qsize() < min(FAMILIES_OF_A_FILE, max(1, left)):
            await asyncio.sleep(self.looks_after_s)
            return
        await super()._disburse_on()
