"""Visits at rest: sealed with the household's key, so that erasing the key erases what people answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from services.verification.bodies import VisitSent
from services.verification.models import Visit
from shared.security.vault import HouseholdKey

FIELD = "visit"
_PLACE = {"id", "case_id"}


def seal_visit(key: HouseholdKey, sent: VisitSent) -> bytes:
    """The whole visit as sent, without the ids under which it is kept."""
    return key.seal(FIELD, sent.model_dump_json(exclude=_PLACE))


def open_visit(key: HouseholdKey, visit: Visit) -> VisitSent:
    """The visit as it was sent. Raises VaultError where it does not open."""
    return VisitSent.model_validate_json(key.open(FIELD, visit.sealed))


def is_same(key: HouseholdKey, visit: Visit, sent: VisitSent) -> bool:
    """Whether a visit is sent again unchanged."""
    kept, again = json.loads(key.open(FIELD, visit.sealed)), json.loads(sent.model_dump_json(exclude=_PLACE))
    return bool(kept == again)


Keys = Mapping[UUID, HouseholdKey]
