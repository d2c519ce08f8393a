"""Lists on which two people decide: proposals of households, and payment lists with the bank's answer."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from local.story.cast import HEARD_WITHIN_S, Cast
from local.story.desk import Desk, Json
from local.story.patience import until

DONE_WITHIN_S: Final = 120.0
PAGE: Final = 500
AGAIN_AFTER_S: Final = 1.0

Bank = Callable[[UUID], str | None]
"""Household → why the bank refuses to pay it now; None where it pays."""


async def all_of(desk: Desk, path: str, **query: str | int | None) -> list[Json]:
    """Every item of a list that comes in pages."""
    items: list[Json] = []
    after: str | None = None
    while True:
        page = await desk.get(path, limit=PAGE, after=after, **query)
        items += page["items"]
        after = page["next"]
        if after is None:
            return items


@dataclass(frozen=True, slots=True)
class Office:
    """The people of an agency who run a programme, two for every decision that needs two."""

    cast: Cast
    agency: str
    programme: str

    @property
    def officer(self) -> Desk:
        return self.cast.desk("programs", self.agency, "petugas-program")

    @property
    def head(self) -> Desk:
        return self.cast.desk("programs", self.agency, "kepala-bidang-program")

    @property
    def maker(self) -> Desk:
        return self.cast.desk("programs", self.agency, "pembuat-daftar-bayar")

    @property
    def checker(self) -> Desk:
        return self.cast.desk("programs", self.agency, "pemeriksa-daftar-bayar")

    async def publish(self, body: Json) -> None:
        await self.officer.post("/api/v1/programmes", body)

    async def propose(self, body: Json, is_whole: Callable[[Json, list[Json]], bool]) -> tuple[Json, list[Json]]:
        """Propose households; the proposal, and the items it refuses with every reason.

        A list that is not whole yet, because a visit or a fact of another agency has not been heard, is turned down
        by the head and proposed anew.
        """
        tries = int(HEARD_WITHIN_S / AGAIN_AFTER_S)
        for attempt in range(tries):
            path = f"/api/v1/programmes/{self.programme}/enrolments:batch"
            proposal = await self.officer.post(path, body, key=f"proposal {attempt}")
            refused = await all_of(self.officer, f"/api/v1/proposals/{proposal['proposal_id']}/items", state="refused")
            if is_whole(proposal, refused):
                return proposal, refused
            await self.head.post(f"/api/v1/proposals/{proposal['proposal_id']}/decision", {"approve": False})
            await asyncio.sleep(AGAIN_AFTER_S)
        raise TimeoutError(f"{self.programme}: no whole list, last {proposal}, refused {refused[:3]}")

    async def approve(self, proposal: Json, number: str, dated: str) -> Json:
        """The head adopts the list by a decree that carries its hash; the proposal when all are enrolled."""
        path = f"/api/v1/proposals/{proposal['proposal_id']}"
        decree = {"number": number, "dated": dated, "list_sha256": proposal["list_sha256"]}
        await self.head.post(f"{path}/decision", {"approve": True, "decree": decree})

        async def look() -> Json:
            return await self.head.get(path)

        return await until(look, lambda it: it["state"] == "done", f"{self.programme} enrolled", within_s=DONE_WITHIN_S)

    async def pay(self, period: str, number: str, days: tuple[str, str, str], bank: Bank) -> Json:
        """Make a payment list, approve it by decree, and work in what the bank answered; the settled list.

        ``days``: on which it is submitted, approved, and paid.
        """
        submitted_on, approved_on, paid_on = days
        self.cast.move_to(submitted_on)
        made = await self._make(period, number)
        path = f"/api/v1/payment-lists/{made['payment_list_id']}"
        await self.maker.post(f"{path}/submission")
        self.cast.move_to(approved_on)
        decree = {"number": number, "dated": approved_on, "list_sha256": made["list_sha256"]}
        await self.checker.post(f"{path}/decision", {"approve": True, "decree": decree})
        order = (await self.maker.download(f"{path}/order")).decode()
        self.cast.move_to(paid_on)
        await self.maker.upload(f"{path}/results", ("hasil.csv", answer_of_bank(order, paid_on, bank), "text/csv"))
        return await self._until(path, "settled")

    async def _make(self, period: str, number: str) -> Json:
        body = {"programme": self.programme, "period": period}
        made = await self.maker.post("/api/v1/payment-lists", body, key=number)
        self.cast.payment_lists.setdefault(self.programme, []).append(made["payment_list_id"])
        return await self._until(f"/api/v1/payment-lists/{made['payment_list_id']}", "draft")

    async def _until(self, path: str, state: str) -> Json:
        async def look() -> Json:
            return await self.maker.get(path)

        what = f"a payment list of {self.programme} that is {state}"
        return await until(look, lambda made: made["state"] == state, what, within_s=DONE_WITHIN_S)


def answer_of_bank(order: str, paid_on: str, bank: Bank) -> bytes:
    """The bank's result file for a payment order."""
    answer = io.StringIO()
    write = csv.writer(answer, lineterminator="\n").writerow
    write(("payment_id", "status", "reason", "paid_on"))
    for item in csv.DictReader(io.StringIO(order)):
        refusal = bank(UUID(item["household_id"]))
        write((item["payment_id"], "FAILED" if refusal else "PAID", refusal or "", paid_on))
    return answer.getvalue().encode()
