"""`tuntas intake …`: what an operator does with the register at the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import cyclopts
from cyclopts import Parameter
from sqlalchemy import select

from services.intake.accept_file import WORK
from services.intake.models import Import, table
from shared.deployment import Deployment
from shared.messaging import schedule
from shared.security import rotate_household_keys
from shared.serve import find_service, read_settings

app = cyclopts.App(name="intake", help="The register: files on their way, and the keys of identity.")

Agency = Annotated[str, Parameter(help="Code of the agency whose register it is.")]
EnvFile = Annotated[Path | None, Parameter(help="The deployment's settings; else TUNTAS_DEPLOYMENTS.")]
_import = table(Import)


@app.command
def imports(*, agency: Agency, env_file: EnvFile = None) -> None:
    """The files that were accepted, the newest first, and what became of their rows."""

    async def run() -> None:
        async with _open(agency, env_file) as deployment, deployment.sessions() as session:
            rows = await session.execute(select(_import).order_by(_import.c.id.desc()).limit(50))
            for row in rows:
                counts = f"{row.registered} registered, {row.known} known, {row.held} held, {row.rejected} refused"
                so_far = f"{row.parts_done}/{row.parts} parts, {row.rows} rows"
                print(f"{row.id}  {row.kind:<8} {row.state:<8} {so_far}: {counts}")

    asyncio.run(run())


@app.command(name="resume-import")
def resume_import(import_id: UUID, *, agency: Agency, env_file: EnvFile = None) -> None:
    """Have a file worked on again whose work was given up after repeated failures. Goes on where it stopped."""

    async def run() -> None:
        async with _open(agency, env_file) as deployment, deployment.sessions() as session:
            one = await session.get(Import, import_id)
            if one is None:
                raise SystemExit(f"There is no import {import_id}.")
            if one.state == "done":
                raise SystemExit(f"Import {import_id} is done.")
            await schedule(session, WORK, deployment.clock.now(), str(import_id))
            await deployment.kernel.commit(session)
        print(f"Import {import_id} goes on with part {one.parts_done + 1} of {one.parts}.")

    asyncio.run(run())


@app.command(name="rotate-keys")
def rotate_keys(*, agency: Agency, env_file: EnvFile = None) -> None:
    """Wrap every household's key under the newest deployment key; then older deployment keys may be taken away.

    Households are never locked out meanwhile: each key opens under the version that wrapped it.
    """

    async def run() -> int:
        wrapped = 0
        async with _open(agency, env_file) as deployment:
            while True:
                async with deployment.sessions() as session:
                    done = await rotate_household_keys(session, deployment.vault)
                    await deployment.kernel.commit(session)
                if done == 0:
                    return wrapped
                wrapped += done

    print(f"{asyncio.run(run())} keys were wrapped anew.")


@asynccontextmanager
async def _open(agency: str, env_file: Path | None) -> AsyncIterator[Deployment]:
    """The deployment without its loops, for one command."""
    folder = os.environ.get("TUNTAS_DEPLOYMENTS")
    file = env_file or (Path(folder) / f"intake.{agency}.env" if folder else None)
    if file is not None and not file.is_file():
        raise SystemExit(f"There is no {file}: is intake of {agency} provisioned?")
    service = find_service("intake")
    deployment = Deployment(service, read_settings(service, file))
    try:
        yield deployment
    finally:
        await deployment.close()
