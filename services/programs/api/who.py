"""Who may use which route."""

from typing import Annotated

from services.programs.rules.predicates import is_within
from shared.problem import Problem
from shared.security import Caller, Role
from shared.web import allows

Officer = Annotated[Caller, allows(Role.PROGRAMME_OFFICER)]
Proposer = Annotated[Caller, allows(Role.PROPOSER, Role.PROGRAMME_OFFICER)]
Maker = Annotated[Caller, allows(Role.PAYMENT_MAKER)]
Checker = Annotated[Caller, allows(Role.PAYMENT_CHECKER)]
Decider = Annotated[Caller, allows(Role.PROGRAMME_OFFICER, Role.PAYMENT_CHECKER)]
Reader = Annotated[
    Caller,
    allows(
        Role.PROPOSER,
        Role.PROGRAMME_OFFICER,
        Role.PAYMENT_MAKER,
        Role.PAYMENT_CHECKER,
        Role.COORDINATOR,
        Role.AUDITOR,
    ),
]
"""Everyone of the agency who works with programmes, in their regions."""


def sees_part_of(caller: Caller, region: str) -> bool:
    """Whether the caller works in the region or in a part of it."""
    return caller.may_see(region) or any(is_within(own, region) for own in caller.regions)


def require_sight(caller: Caller, region: str) -> None:
    """Raises 403 unless the caller works in the region, or in a part of it: then its parts are filtered."""
    if not sees_part_of(caller, region):
        raise Problem("region-not-yours", status=403, region=region)
