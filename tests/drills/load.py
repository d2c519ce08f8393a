"""Clients at work: they register families, visit, decide and pay, over and over, and write down what they were told.

All by HTTP, each request with an Idempotency-Key. Most repeat a request until it is answered; some, by seed, ask once.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg

from local.story.desk import UNANSWERED, Desk, Refused
from local.story.lists import answer_of_bank
from tests.drills.families import ANSWERS, Families, closed_list
from tests.drills.programme import PERIOD, PROGRAMME, document

if TYPE_CHECKING:
    from tests.drills.city import DrillCity
    from tests.drills.scene import Scene

DINSOS = "dinsos-samarinda"
DAY = "2022-12-19"
ASKED_ONCE = 0.1
"""The share of registrations, and of groups of decisions, that are never repeated."""
GROUP_MAX = 25
PAID_TOGETHER_MAX = 100
REFUSED_BY_BANK = 0.03
LOOK_SECONDS = 0.1
STOPS_WITHIN_SECONDS = 150.0
"""Longer than a client's patience with a request."""
LISTED_TOGETHER = 150
"""Families of a closed list; when all of them are registered, the next list is handed in."""


@dataclass(frozen=True)
class Registered:
    """A family as the one who registered it knows it."""

    household_id: str
    members: list[str]
    case_id: str = ""


@dataclass
class Load:
    """All clients of a scene. ``stop`` lets each finish what it is at."""

    city: DrillCity
    scene: Scene
    registrations: int
    decisions: int
    disbursements: int
    paid_rupiah: int = 0
    paid: set[str] = field(default_factory=set)
    """Households on whose payment the bank's answer was taken in, whatever it said."""
    waits_s: float = float("inf")
    """So long a client waits until a family is heard of elsewhere; then it goes on without that family."""
    paid_together_max: int = PAID_TOGETHER_MAX
    looks_after_s: float = LOOK_SECONDS
    decisions_asked_once: float = ASKED_ONCE
    _registered: asyncio.Queue[Registered] = field(default_factory=asyncio.Queue)
    _verified: asyncio.Queue[Registered] = field(default_factory=asyncio.Queue)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _clients: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._families = Families(self.scene.random.getrandbits(32))
        # Of each kind of request the nth is asked once or not, whichever client asks it.
        self._asks_once = {kind: self.scene.random_for(f"{kind} asked once") for kind in ("registration", "decisions")}
        self._listed: list[dict[str, Any]] = []
        self._lists = 0
        self._listing = asyncio.Lock()

    @property
    def acknowledged(self) -> int:
        return self.scene.journal.acknowledgements

    @property
    def someone_gave_up(self) -> bool:
        return any(each.done() for each in self._clients)

    async def start(self) -> None:
        """Publish the programme, share out the region, and let everybody begin."""
        await self._desk("verification", "penyelia-verifikasi").post(
            "/api/v1/assignments", {"assignments": [{"region": "64.72", "officer": f"{DINSOS}.petugas-verifikasi-1"}]}
        )
        await self._desk("programs", "petugas-program").post("/api/v1/programmes", document())
        self.go_on()

    def go_on(self) -> None:
        """Let everybody begin; or begin again, after ``stop``, with what was left undone."""
        self._stopping.clear()
        self._clients = [
            asyncio.create_task(self._work(act)) for count, act in self._clients_by_work() for _ in range(count)
        ]

    def _clients_by_work(self) -> list[tuple[int, Callable[[], Awaitable[None]]]]:
        return [
            (self.registrations, self._register_on),
            (self.decisions, self._decide_on),
            (self.disbursements, self._disburse_on),
        ]

    async def stop(self) -> None:
        """Nobody begins anything new; raises what made a client give up, or TimeoutError where one waits in vain."""
        self._stopping.set()
        clients, self._clients = self._clients, []
        _, waiting = await asyncio.wait(clients, timeout=STOPS_WITHIN_SECONDS) if clients else (set(), set())
        for client in waiting:
            client.cancel()
        for error in await asyncio.gather(*clients, return_exceptions=True):
            if isinstance(error, Exception):
                raise error
        if waiting:
            raise TimeoutError(f"{len(waiting)} clients wait for what never comes.")

    async def for_a_while(self, seconds: float | None = None) -> None:
        """Let them work: so many seconds, or as long as the scene's size says."""
        await asyncio.sleep(seconds if seconds is not None else self.scene.at_size(8, 45))

    async def until(self, acknowledged: int) -> None:
        """Until so many requests more were acknowledged, or a client has given up."""
        goal = self.acknowledged + acknowledged
        while self.acknowledged < goal and not self.someone_gave_up:
            await asyncio.sleep(LOOK_SECONDS)

    async def until_paid(self) -> None:
        """Until one list more was paid and settled, or a client has given up: then all of the story has been played."""
        before = self.paid_rupiah
        while self.paid_rupiah == before and not self.someone_gave_up:
            await asyncio.sleep(LOOK_SECONDS)

    async def verified(self, count: int) -> list[str]:
        """So many families that the agency knows to be verified, registered for this; wants clients who decide only."""
        self.decisions_asked_once = 0.0
        for _ in range(count):
            await self._register_on()
        ready: list[Registered] = []
        while len(ready) < count and not self.someone_gave_up:
            ready += await self._take(self._verified, count - len(ready))
        return [each.household_id for each in await self._known_of(ready)]

    async def _work(self, act: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            await act()

    async def _register_on(self) -> None:
        """One family more."""
        body = await self._next_family()
        once = self._asks_once["registration"].random() < ASKED_ONCE
        entry = self.scene.journal.asks("registration", niks=[each["nik"] for each in body["members"]], once=once)
        desk = self._desk("intake", "petugas-register", patience_s=0.0 if once else 120.0)
        try:
            answer = await desk.post("/api/v1/households", body)
        except Refused as refused:
            self.scene.journal.refused(entry, refused.code)
            raise
        except UNANSWERED:
            if not once:
                raise
            return
        self.scene.journal.acknowledged(entry, answer["household_id"])
        members = [each["member_id"] for each in answer["members"]]
        self._registered.put_nowait(Registered(answer["household_id"], members))

    async def _next_family(self) -> dict[str, Any]:
        """A family of a closed list, for only those are visited."""
        async with self._listing:
            if not self._listed:
                listed = [self._families.next() for _ in range(LISTED_TOGETHER)]
                await self._hand_in_list(listed)
                self._listed = listed
            return self._listed.pop()

    async def _hand_in_list(self, families: list[dict[str, Any]]) -> None:
        self._lists += 1
        fields = {"kind": "cohort", "register_code": "p3ke", "cohort": f"P3KE-DRILL-{self._lists}", "received_on": DAY}
        await self._hand_in("daftar.csv", closed_list(families), fields, len(families))

    async def _hand_in(self, name: str, content: bytes, fields: dict[str, str], rows: int, **about: Any) -> Any:
        """Send a file; the answer that accepted it."""
        entry = self.scene.journal.asks("file", **about, rows=rows)
        desk = self._desk("intake", "petugas-register")
        answer = await desk.upload("/api/v1/imports", (name, content, "text/csv"), {"region": "64.72", **fields})
        self.scene.journal.acknowledged(entry, answer["import_id"])
        return answer

    async def _decide_on(self) -> None:
        """Visit and decide a group of families, once verification has heard of them."""
        group = await self._take(self._registered, GROUP_MAX)
        known = [found for each in group if (found := await self._case_of(each)) is not None]
        if not known:
            return
        await self._visit_and_decide(known)

    async def _visit_and_decide(self, known: list[Registered]) -> None:
        visits = [_visit(each) for each in known]
        await self._journaled(
            "visits", self._desk("verification", "petugas-verifikasi-1"), "/api/v1/visits:batch", {"visits": visits}
        )
        decisions = [{"case_id": each.case_id, "decision": "verified"} for each in known]
        once = self._asks_once["decisions"].random() < self.decisions_asked_once
        desk = self._desk("verification", "kepala-bidang-verifikasi", patience_s=0.0 if once else 120.0)
        try:
            await self._journaled("decisions", desk, "/api/v1/decisions:batch", {"decisions": decisions})
        except UNANSWERED:
            if not once:
                raise
            return  # Nobody knows whether they are verified, so nobody enrols them.
        for each in known:
            self._verified.put_nowait(each)

    async def _case_of(self, one: Registered) -> Registered | None:
        """The family with its case; None where everybody stops, or waited long, before it is open."""
        desk, ends_at = self._desk("verification", "penyelia-verifikasi"), time.monotonic() + self.waits_s
        while True:
            cases = (await desk.get("/api/v1/cases", household_id=one.household_id))["cases"]
            if cases and cases[0]["state"] == "assigned":
                return Registered(one.household_id, cases[0]["members"], cases[0]["case_id"])
            if self._stopping.is_set() or time.monotonic() > ends_at:
                return None
            await asyncio.sleep(LOOK_SECONDS)

    async def _disburse_on(self) -> None:
        """Enrol what was verified and pay it by a list, two people for each."""
        group = await self._take(self._verified, self.paid_together_max)
        group = await self._known_of(group)
        if not group:
            return
        await self._enrol(group)
        await self._pay()

    async def _enrol(self, group: list[Registered]) -> None:
        wanted = [each.household_id for each in group]
        officer, head = self._desk("programs", "petugas-program"), self._desk("programs", "kepala-bidang-program")
        proposal = await self._journaled(
            "proposal", officer, f"/api/v1/programmes/{PROGRAMME}/enrolments:batch", {"households": wanted}
        )
        path = f"/api/v1/proposals/{proposal['proposal_id']}"
        decree = {"number": f"460/{uuid4().hex[:8]}/2022", "dated": DAY, "list_sha256": proposal["list_sha256"]}
        if not proposal["accepted"]:
            raise RuntimeError(f"Nobody of a group could be enrolled: {proposal}")
        await self._journaled("enrolment", head, f"{path}/decision", {"approve": True, "decree": decree})
        await self._until(head, path, "done")

    async def _pay(self) -> None:
        maker, checker = (
            self._desk("programs", "pembuat-daftar-bayar"),
            self._desk("programs", "pemeriksa-daftar-bayar"),
        )
        body = {"programme": PROGRAMME, "period": PERIOD}
        made = await self._journaled("payment-list", maker, "/api/v1/payment-lists", body, key=uuid4().hex)
        path = f"/api/v1/payment-lists/{made['payment_list_id']}"
        made = await self._until(maker, path, "draft")
        await self._journaled("submission", maker, f"{path}/submission", {})
        decree = {"number": f"460/{uuid4().hex[:8]}/2022", "dated": DAY, "list_sha256": made["list_sha256"]}
        await self._journaled("approval", checker, f"{path}/decision", {"approve": True, "decree": decree})
        order = (await maker.download(f"{path}/order")).decode()
        answer = answer_of_bank(order, DAY, lambda household: _refusal(str(household)))
        entry = self.scene.journal.asks("results", payment_list=made["payment_list_id"], rows=answer.decode())
        told = await maker.upload(f"{path}/results", ("hasil.csv", answer, "text/csv"))
        self.scene.journal.acknowledged(entry, told)
        settled = await self._until(maker, path, "settled")
        self.paid_rupiah += int(settled["rupiah"])
        self.paid |= {item["household_id"] for item in csv.DictReader(io.StringIO(order))}

    async def _known_of(self, group: list[Registered]) -> list[Registered]:
        """Those whose verdict and roster the agency has heard: all, unless that took too long; none where all stop.

        It may hear the verdict first, from another announcer: then a family that it does not know would be refused.
        """
        ends_at = time.monotonic() + self.waits_s
        while True:
            heard = await self._heard_of(group)
            if len(heard) == len(group) or time.monotonic() > ends_at:
                return [each for each in group if each.household_id in heard]
            if self._stopping.is_set():
                return []
            await asyncio.sleep(self.looks_after_s)

    async def _heard_of(self, group: list[Registered]) -> set[str]:
        """Who of a group the agency knows; nobody while its database is away."""
        try:
            async with self.city.database(f"programs.{DINSOS}") as connection:
                rows = await connection.fetch(
                    "select household_id from seen_verification join seen_household using (household_id)"
                    " where household_id = any($1::uuid[])",
                    [each.household_id for each in group],
                )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return set()
        return {str(row["household_id"]) for row in rows}

    async def _until(self, desk: Desk, path: str, state: str) -> Any:
        while (seen := await desk.get(path))["state"] != state:
            await asyncio.sleep(LOOK_SECONDS)
        return seen

    async def _journaled(self, kind: str, desk: Desk, path: str, body: Any, *, key: str | None = None) -> Any:
        entry = self.scene.journal.asks(kind, path=path, body=body)
        try:
            answer = await desk.post(path, body, key=key)
        except Refused as refused:
            self.scene.journal.refused(entry, refused.code)
            raise
        self.scene.journal.acknowledged(entry, answer)
        return answer

    async def _take(self, queue: asyncio.Queue[Registered], most: int) -> list[Registered]:
        """What waits in a queue, at most so many; waits a moment for the first."""
        taken: list[Registered] = []
        try:
            async with asyncio.timeout(0.5):
                taken.append(await queue.get())
        except TimeoutError:
            return taken
        while len(taken) < most and not queue.empty():
            taken.append(queue.get_nowait())
        return taken

    def _desk(self, service: str, title: str, patience_s: float = 120.0) -> Desk:
        return self.city.desk(service, DINSOS, title, patience_s)


def _visit(one: Registered) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "case_id": one.case_id,
        "questionnaire": "p3ke-visit-1",
        "visited_on": DAY,
        "answers": ANSWERS,
        "outcomes": [{"member_id": member, "outcome": "confirmed"} for member in one.members],
        "evidence": [
            {
                "sha256": hashlib.sha256(one.household_id.encode()).hexdigest(),
                "captured_at": f"{DAY}T08:30:00+08:00",
            }
        ],
    }


def _refusal(household_id: str) -> str | None:
    """Why the bank refuses a few, always the same ones."""
    unlucky = int(household_id.replace("-", "")[-4:], 16) < 0x10000 * REFUSED_BY_BANK
    return "account-closed" if unlucky else None
