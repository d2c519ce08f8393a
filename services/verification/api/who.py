"""Who may do what in verification."""

from typing import Annotated

from shared.security import Caller, Role
from shared.web import allows

VERIFIES = frozenset({Role.FIELD_VERIFIER, Role.VERIFICATION_SUPERVISOR, Role.AUDITOR})
"""Who may know what a score says of a household."""
Reader = Annotated[Caller, allows(Role.FIELD_VERIFIER, Role.VERIFICATION_SUPERVISOR, Role.COORDINATOR, Role.AUDITOR)]
"""Sees cases and their progress, nothing about people."""
Visitor = Annotated[Caller, allows(Role.FIELD_VERIFIER)]
Supervisor = Annotated[Caller, allows(Role.VERIFICATION_SUPERVISOR)]
Examiner = Annotated[Caller, allows(*sorted(VERIFIES))]
"""Looks at what people answered, with a purpose that is recorded."""
