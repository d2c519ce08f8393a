"""Chapter 1: the register and the closed list come in as files, and what is doubtful is decided by people."""

from __future__ import annotations

from local.story.cast import COHORT, DINSOS, Cast
from local.story.desk import Desk, Json
from local.story.patience import until

IMPORT_WITHIN_S = 300.0


async def play(cast: Cast) -> None:
    cast.move_to("2022-12-05")
    officer = cast.desk("intake", DINSOS, "petugas-register")
    async with cast.chapter("import", "The register comes in, and the closed list of the poorest."):
        register = await _send(cast, officer, "register.csv", {"kind": "register", "register_code": "dtks"})
        cast.report.persons_registered = register["registered"]
        cast.report.families_registered = register["households"]
        listed = {"kind": "cohort", "register_code": "p3ke", "cohort": COHORT, "received_on": "2022-12-05"}
        await _send(cast, officer, "cohort.csv", listed)
        await _fetch_rejects(cast, officer, register)
        await _decide_duplicates(cast)


async def _send(cast: Cast, officer: Desk, name: str, fields: dict[str, str]) -> Json:
    content = (cast.files / name).read_bytes()
    accepted = await officer.upload("/api/v1/imports", (name, content, "text/csv"), fields)
    path = f"/api/v1/imports/{accepted['import_id']}"
    async with cast.bar(f"{name}: {accepted['rows']:,} rows", accepted["rows"]) as show:

        async def look() -> Json:
            state = await officer.get(path)
            show(state["rows"] * state["percent"] // 100)
            return state

        return await until(look, lambda state: state["state"] == "done", f"import of {name}", within_s=IMPORT_WITHIN_S)


async def _fetch_rejects(cast: Cast, officer: Desk, register: Json) -> None:
    """The refused rows go back to the sender, in the file's own format with a column that says why."""
    rejects = await officer.download(f"/api/v1/imports/{register['import_id']}/rejects")
    (cast.files / "register-tolak.csv").write_bytes(rejects)
    cast.progress.console.print(
        f"  {register['rejected']:,} rows refused (register-tolak.csv), {register['held']:,} held as duplicates"
    )


async def _decide_duplicates(cast: Cast) -> None:
    """A person decides on the list of exact duplicates: each is the same person entered twice."""
    reviewer = cast.desk("intake", DINSOS, "penyelia-register")
    answer = await reviewer.post("/api/v1/duplicates/resolutions", {"resolution": "same-person", "cohort": COHORT})
    cast.progress.console.print(f"  {answer['resolved']} duplicates of the list decided: the same person twice")
