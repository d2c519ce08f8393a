"""What an operator has stated about a deployment, and what a worker has noted: from where on it reacts, first of all.

Below that only projections run: a newcomer learns the past and never acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import stamina
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.directory import read_directory
from shared.messaging.connecting import connect
from shared.messaging.failures import StartRefused
from shared.messaging.hearing import ReactFrom
from shared.messaging.reading import end_offsets
from shared.settings import DeploymentSettings

REACT_FROM = "react-from"
OFFSETS_SEEN = "offsets-seen"


async def state_react_from(dsn: str, offsets: Mapping[tuple[str, int], int], ca_file: Path | None = None) -> bool:
    """State, once, the first offset per (topic, partition) to react to; a founding deployment states none.

    Returns:
        False where it had been stated before: then nothing changes, so that a repeated step silences nobody.
    """
    connection = await connect(dsn, ca_file)
    try:
        async with connection.transaction():
            stated = await connection.fetchval(
                "insert into kernel.statement (name, value) values ($1, 'true') on conflict do nothing returning true",
                REACT_FROM,
            )
            if not stated:
                return False
            await connection.executemany(
                'insert into kernel.react_from (topic, partition, "offset") values ($1, $2, $3)',
                [(topic, partition, offset) for (topic, partition), offset in sorted(offsets.items())],
            )
            return True
    finally:
        await connection.close()


async def read_react_from(session: Session) -> ReactFrom | None:
    """What was stated; None where nobody has stated anything yet."""
    if not await is_stated(session, REACT_FROM):
        return None
    rows = await (await session.connection()).execute(text('select topic, partition, "offset" from kernel.react_from'))
    return ReactFrom({(row.topic, row.partition): row.offset for row in rows})


async def is_stated(session: Session, name: str) -> bool:
    query = text("select 1 from kernel.statement where name = :name")
    return (await (await session.connection()).execute(query, {"name": name})).first() is not None


async def note(session: Session, name: str) -> None:
    """State something that holds from now on."""
    query = text("insert into kernel.statement (name, value) values (:name, 'true') on conflict do nothing")
    await (await session.connection()).execute(query, {"name": name})


async def withdraw(session: Session, name: str) -> None:
    """Take a statement back."""
    await (await session.connection()).execute(text("delete from kernel.statement where name = :name"), {"name": name})


async def react_from_where(settings: DeploymentSettings, where: Literal["beginning", "now"]) -> bool:
    """State that a deployment reacts from the beginning, or from where the topics end now."""
    offsets = {} if where == "beginning" else await _ends_of_all_topics(settings)
    dsn = settings.database_url.get_secret_value()
    return await state_react_from(dsn, offsets, settings.database_ca_file)


@stamina.retry(on=StartRefused, attempts=20, timeout=30)
async def _ends_of_all_topics(settings: DeploymentSettings) -> dict[tuple[str, int], int]:
    """Where all fact topics of the directory end. One that is not shown yet would count as young, and be reacted to."""
    ends = await end_offsets(settings)
    directory = read_directory(settings.directory_file, settings.topic_root)
    shown = {topic for topic, _ in ends}
    missing = sorted({directory.topic_of(*each.id) for each in directory.deployments()} - shown)
    if missing:
        raise StartRefused(
            f"Kafka does not show {', '.join(missing)} to this deployment: is it provisioned, may it read?"
        )
    return ends
