"""14. Many hands reach for the last place and for the last Rp 300.000, then for mixed amounts, over and over."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal
from uuid import UUID

import httpx2
import yaml
from uuid_utils.compat import uuid7

from local.story.desk import Desk
from services.programs.claim_place import claim, give_back
from services.programs.load_programme import in_force, lock_quotas
from services.programs.models import FundLineRow
from services.programs.move_money import Item, balances, may_move
from services.programs.rules.ledger import PATHS, Account, Balances, Move
from shared.deployment import Deployment
from tests.drills.asked_rounds import Asked, Window, asked_rounds, decided
from tests.drills.load import DINSOS
from tests.drills.looking import opened
from tests.drills.programme import document
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(14, "the last place, the last Rp 300.000, and rounds of mixed amounts")
PROGRAMS = f"programs.{DINSOS}"
APART = {PROGRAMS: ("api", "worker", "relay")}
RUPIAH = 300_000
AMPLE = 1_000_000
HANDS_AT_ONCE = 8
"""Parallel transactions of the rounds; each round is one transaction."""
ROUND_PLACES = 40
ROUND_CEILING = 20 * RUPIAH
MOVES = (Move.RESERVE, Move.RESERVE, Move.RESERVE, Move.RELEASE, Move.COMMIT, Move.FAIL, Move.GRANT, Move.CUT)


@DRILL.run
async def run(scene: Scene) -> None:
    clients = scene.at_size(60, 200)
    limits = httpx2.Limits(max_connections=2 * clients)
    decided_at = Counter[int | None]()

    async def count_decision(answer: httpx2.Response) -> None:
        if answer.request.url.path.endswith("/decision"):
            decided_at[answer.request.url.port] += answer.is_success

    hooks = {"response": [count_decision]}
    async with scene.city(roles_of=APART) as city, httpx2.AsyncClient(limits=limits, event_hooks=hooks) as http:
        async with city.load(registrations=0, decisions=1, disbursements=0) as load:
            families = await load.verified(clients)
            await load.stop()
        windows = await open_windows(city, http)
        await reach_for(scene, windows, families, "quota-full", places=1)
        await reach_for(scene, windows, families, "fund-line-exhausted", ceiling_rupiah=RUPIAH)
        await asked(scene, city, windows, families, scene.at_size(150, 10_000))
        both = len(decided_at) == 2 and min(decided_at.values()) >= clients
        scene.note("decisions_by_process", sorted(decided_at.values()))
        scene.expect(both, f"Two processes decide, on every other family each: {decided_at}")
        await rounds(scene, city, scene.at_size(300, 10_000))
        await city.settled()
        await city.judge()


async def open_windows(city: DrillCity, http: httpx2.AsyncClient) -> list[Window]:
    """At each of two processes of the deployment; so a lock that one of them keeps to itself protects nothing."""
    second = await city.start_another(PROGRAMS, "api")
    desks = [replace(city.desk("programs", DINSOS, title), http=http) for title in _TITLES]
    return [Window(*desks), Window(*(replace(each, base_url=second.deployed.url) for each in desks))]


async def reach_for(
    scene: Scene,
    windows: Sequence[Window],
    families: Sequence[str],
    exhausted: str,
    *,
    places: int = AMPLE,
    ceiling_rupiah: int = AMPLE * RUPIAH,
) -> None:
    """Each family's enrolment is decided by a client of its own, all at once; one fits, the others are told why not."""
    code = f"LAST-{exhausted.upper()}"
    officer, heads = windows[0].officer, [windows[place % len(windows)].head for place in range(len(families))]
    await officer.post("/api/v1/programmes", contested(code, places, ceiling_rupiah))
    proposals = await asyncio.gather(*(_propose(officer, code, family) for family in families))
    scene.expect(all(each["accepted"] == 1 for each in proposals), f"{code}: everybody may be proposed.")
    done = await asyncio.gather(*(decided(head, each) for head, each in zip(heads, proposals, strict=True)))
    scene.expect(sum(each["accepted"] for each in done) == 1, f"{code}: one is enrolled of {len(families)}.")
    scene.expect(sum(each["refused"] for each in done) == len(families) - 1, f"{code}: all others are refused.")
    refused = await asyncio.gather(*(_refusals(officer, each) for each in proposals))
    reasons = Counter(reason["code"] for items in refused for item in items for reason in item["reasons"])
    scene.note(code, dict(reasons))
    scene.expect(reasons == {exhausted: len(families) - 1}, f"{code}: every refusal says {exhausted}: {dict(reasons)}")


_TITLES = ("petugas-program", "kepala-bidang-program")


def contested(
    code: str, places: int, ceiling_rupiah: int, per: Literal["family", "person"] = "family"
) -> dict[str, Any]:
    """The drills' programme once more, with a fund line of its own that pays at the enrolment."""
    programme = yaml.safe_load(document()["document"])
    programme |= {"code": code, "unit": per}
    programme["benefit"] |= {"per": per, "rupiah": RUPIAH, "reserve": "enrolment"}
    programme["quotas"][0]["places"] = places
    programme["fund_lines"][0] |= {"code": f"APBD-2022/64.72/{code}", "ceiling_rupiah": ceiling_rupiah}
    return {"document": yaml.safe_dump(programme, allow_unicode=True, sort_keys=False)}


async def asked(scene: Scene, city: DrillCity, windows: Sequence[Window], families: list[str], count: int) -> None:
    """Rounds over HTTP. Two programmes have room for a person of each family: one is short of places, one of money."""
    room = len(families)
    programmes = [
        Asked(scene, "ASKED-PLACES", windows, "quota-full"),
        Asked(scene, "ASKED-MONEY", windows, "fund-line-exhausted"),
    ]
    for each, places, ceiling in zip(programmes, (room, AMPLE), (AMPLE * RUPIAH, room * RUPIAH), strict=True):
        await windows[0].officer.post("/api/v1/programmes", contested(each.code, places, ceiling, per="person"))
    await asked_rounds(scene, city, programmes, families, count)


async def _propose(officer: Desk, code: str, family: str) -> Any:
    return await officer.post(f"/api/v1/programmes/{code}/enrolments:batch", {"households": [family]})


async def _refusals(officer: Desk, proposal: Any) -> Any:
    return (await officer.get(f"/api/v1/proposals/{proposal['proposal_id']}/items", state="refused"))["items"]


@dataclass
class Rounds:
    """What the clients of the rounds were told: the model that the tables are held against."""

    deployment: Deployment
    code: str
    line: UUID
    balances: Balances
    taken: int = 0
    told: Counter[str] = field(default_factory=Counter)

    async def move(self, move: Move, amounts: Sequence[int], units: int) -> None:
        """Places and money in one transaction: both, or neither. Negative units are given back."""
        async with self.deployment.sessions() as session:
            if units:
                running = await in_force(session, self.code)
                [quota] = await lock_quotas(session, running.programme_id)
                if units < 0:
                    # Whoever gives back holds it: what was taken when the row was locked is all there is.
                    units = -min(-units, quota.taken)
                    await give_back(session, quota, -units)
                elif await claim(session, running.programme, quota, units) is None:
                    self.told["quota-full"] += 1
                    return
            items = [Item(each, uuid7(), uuid7()) for each in amounts]
            if not await may_move(session, self.line, move, items, reason="drill", by="drill"):
                self.told[f"{PATHS[move][0]}-exhausted"] += 1
                return
            await self.deployment.kernel.commit(session)
        self.told["accepted"] += 1
        self.taken += units
        self._book(move, sum(amounts))

    def _book(self, move: Move, rupiah: int) -> None:
        """Clients learn of their own moves in any order, so an account may be below zero here for a moment."""
        leaves, enters = PATHS[move]
        changed: defaultdict[Account, int] = defaultdict(int, {leaves: -rupiah})
        changed[enters] += rupiah
        of_line = {each.value: getattr(self.balances, each.value) + changed[each] for each in _OF_LINE}
        self.balances = Balances(**of_line)


_OF_LINE = tuple(each for each in Account if each is not Account.CEILING)


async def rounds(scene: Scene, city: DrillCity, count: int) -> None:
    """Mixed amounts against a line and a quota that are short, by parallel transactions; then all is given back."""
    code = "ROUNDS"
    await city.desk("programs", DINSOS, _TITLES[0]).post(
        "/api/v1/programmes", contested(code, ROUND_PLACES, ROUND_CEILING)
    )
    async with opened(city, PROGRAMS) as deployment:
        async with deployment.sessions() as session:
            line = (await in_force(session, code)).fund_line_id
        told = Rounds(deployment, code, line, Balances(available=ROUND_CEILING))
        plans = iter([_plan(scene) for _ in range(count)])

        async def work() -> None:
            for plan in plans:
                await plan(told)

        await asyncio.gather(*(work() for _ in range(HANDS_AT_ONCE)))
        await _hold_against_tables(scene, told)
        for move, account in ((Move.FAIL, "committed"), (Move.RELEASE, "reserved")):
            if rupiah := getattr(told.balances, account):
                await told.move(move, [rupiah], 0)
        if told.taken:
            await told.move(Move.GRANT, [1], -told.taken)
        await _hold_against_tables(scene, told)
        scene.note("rounds", dict(told.told))
        for short in ("quota-full", "available-exhausted"):
            scene.expect(told.told[short] > 0, f"Some rounds came too late for {short}.")


def _plan(scene: Scene) -> Any:
    move = scene.random.choice(MOVES)
    amounts = [scene.random.randint(1, 2 * RUPIAH) for _ in range(scene.random.randint(1, 4))]
    units = scene.random.choice((0, 0, 1, 1, 2, 5, 9, -1, -4))
    return partial(Rounds.move, move=move, amounts=amounts, units=units)


async def _hold_against_tables(scene: Scene, told: Rounds) -> None:
    """To the rupiah and the place what the clients were told; never more than there is."""
    async with told.deployment.sessions() as session:
        line = await session.get_one(FundLineRow, told.line)
        [quota] = await lock_quotas(session, (await in_force(session, told.code)).programme_id)
        kept, over = balances(line), max(0, quota.taken - quota.places)
        scene.outcome.overspent_rupiah += max(0, kept.ceiling - kept.available - line.ceiling_rupiah)
        scene.expect(kept == told.balances, f"The line is what was acknowledged: {kept}, {told.balances}")
        scene.expect(kept.ceiling == line.ceiling_rupiah, "The accounts add up to the ceiling.")
        scene.expect(min(kept.available, kept.reserved, kept.committed) >= 0, f"No account is below zero: {kept}")
        scene.expect(not over and quota.taken == told.taken, f"{quota.taken} places taken, {told.taken} acknowledged.")
