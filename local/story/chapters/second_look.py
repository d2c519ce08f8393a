"""Chapter 4: a verification is taken back by a third person; payment rests until the family was visited anew."""

from __future__ import annotations

from uuid import UUID

from local.story.cast import DINSOS, HEARD_WITHIN_S, Cast, Household
from local.story.chapters.cash import PROGRAMME
from local.story.chapters.visits import expect_all, field_workers, visit_of
from local.story.patience import until


async def play(cast: Cast) -> None:
    async with cast.chapter("second look", "A verification is revoked, and the family is visited anew."):
        household = _whom(cast)
        cast.move_to("2023-01-03")
        following = await _revoke(cast, household)
        await _until_enrolment_is(cast, household, "suspended")
        moment = cast.move_to("2023-01-04", hour=15)
        worker = cast.desk_of("verification", DINSOS, field_workers(cast)[household.family.region[:8]])
        visits = {"visits": [visit_of(household, following, moment)]}
        expect_all(await worker.post("/api/v1/visits:batch", visits), "visits")
        cast.move_to("2023-01-05")
        head = cast.desk("verification", DINSOS, "kepala-bidang-verifikasi")
        await head.post(f"/api/v1/cases/{following}/decision", {"decision": "verified"})
        await _until_enrolment_is(cast, household, "active")
        cast.tell("its enrolment rested, and goes on")


def _whom(cast: Cast) -> Household:
    """A family that takes part in nothing but the cash aid, whose payment did not fail."""
    quiet = (
        household
        for household in cast.households.values()
        if household.family.is_verified
        and not household.family.later.bank_refuses
        and not household.family.later.wants_business_aid
        and not household.family.later.wants_house_repair
    )
    return min(quiet, key=lambda household: household.family.id)


async def _revoke(cast: Cast, household: Household) -> UUID:
    """By the supervisor, who neither visited nor decided; the case that follows."""
    supervisor = cast.desk("verification", DINSOS, "penyelia-verifikasi")
    path = f"/api/v1/cases/{household.case_id}"
    revocation = {"decision_id": (await supervisor.get(path))["decision_id"], "reason": "evidence-of-another-house"}
    return UUID((await supervisor.post(f"{path}/revocation", revocation))["next_case_id"])


async def _until_enrolment_is(cast: Cast, household: Household, status: str) -> None:
    officer = cast.desk("programs", DINSOS, "petugas-program")

    async def look() -> list[str]:
        held = await officer.get("/api/v1/enrolments", programme=PROGRAMME, household_id=str(household.id))
        return [each["status"] for each in held["items"]]

    what = f"the enrolment of {household.id} to be {status}"
    await until(look, lambda statuses: statuses == [status], what, within_s=HEARD_WITHIN_S)
