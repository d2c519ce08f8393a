"""Search people by name in a kecamatan: keyed words find candidates, opened names rank them."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any, Final

from sqlalchemy import LargeBinary, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.bodies import NameSearch
from services.intake.identity import open_identity
from services.intake.places import kecamatan_of
from services.intake.rules.masking import mask_name, mask_number
from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller, household_keys
from shared.security.names import words_of

CANDIDATES_MAX: Final = 200
"""So many names are opened for one search at most: the ones that share most words with what was typed."""
SHOWN_MAX: Final = 20


async def search_names(session: Session, caller: Caller, body: NameSearch) -> list[dict[str, Any]]:
    """People whose name shares a word or its sound, best first. Raises 422 for a region wider than a kecamatan."""
    if body.region.count(".") < 2:
        raise Problem("search-too-wide", status=422, field="region")
    deployment = deployment_of_session(session)
    words = sorted(deployment.vault.name_index(body.name, kecamatan_of(body.region)))
    values = {"words": words, "region": body.region, "born": body.birth_year, "max": CANDIDATES_MAX}
    rows = [row for row in await session.execute(_CANDIDATES, values) if caller.may_see(row.region)]
    keys = await household_keys(session, deployment.vault, {row.household_id for row in rows})
    found = []
    for row in rows:
        if row.household_id in keys:
            identity = open_identity(keys[row.household_id], row.id, row.identity)
            found.append(
                {
                    "household_id": row.household_id,
                    "member_id": row.id,
                    "region": row.region,
                    "name": mask_name(identity.name),
                    "nik": mask_number(identity.nik),
                    "birth_year": row.birth_year,
                    "likeness": likeness(body.name, identity.name),
                }
            )
    return sorted(found, key=lambda each: (-each["likeness"], str(each["member_id"])))[:SHOWN_MAX]


def likeness(one: str, other: str) -> int:
    """How alike two names are, 0 to 100, after titles, spellings and abbreviations are made equal."""
    said, found = (" ".join(words_of(name)) for name in (one, other))
    return round(100 * SequenceMatcher(None, said, found, autojunk=False).ratio())


_CANDIDATES = text(
    """
    select member.id, member.household_id, member.identity, member.birth_year, household.region
    from member join household on household.id = member.household_id
    where member.name_index && :words and member.state = 'active'
      and (household.region = :region or starts_with(household.region, :region || '.'))
      and (cast(:born as int) is null or member.birth_year = :born)
    order by cardinality(array(select unnest(member.name_index) intersect select unnest(:words))) desc, member.id
    limit :max
    """
).bindparams(bindparam("words", type_=ARRAY(LargeBinary)))
