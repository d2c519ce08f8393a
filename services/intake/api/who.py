"""Who may do what in intake."""

from __future__ import annotations

from typing import Annotated

from shared.security import Caller, Role
from shared.web import allows

Officer = Annotated[Caller, allows(Role.PROPOSER, Role.PROGRAMME_OFFICER)]
"""Writes households."""
Reader = Annotated[
    Caller,
    allows(Role.PROPOSER, Role.PROGRAMME_OFFICER, Role.VERIFICATION_SUPERVISOR, Role.COORDINATOR, Role.AUDITOR),
]
"""Sees households with masked identities."""
FileSender = Annotated[Caller, allows(Role.OPERATOR, Role.PROGRAMME_OFFICER)]
"""Sends files, and fetches their refused rows, which are whole."""
ListReader = Annotated[Caller, allows(Role.OPERATOR, Role.PROGRAMME_OFFICER, Role.COORDINATOR, Role.AUDITOR)]
"""Sees closed lists as counts."""
Reviewer = Annotated[Caller, allows(Role.PROGRAMME_OFFICER, Role.VERIFICATION_SUPERVISOR)]
"""Decides about held rows."""
CaseWorker = Annotated[
    Caller,
    allows(
        Role.FIELD_VERIFIER,
        Role.VERIFICATION_SUPERVISOR,
        Role.PROGRAMME_OFFICER,
        Role.PAYMENT_MAKER,
        Role.PAYMENT_CHECKER,
        any_agency=True,
    ),
]
"""May look at identities while their agency has an open case."""
OtherSystem = Annotated[Caller, allows(Role.INTEGRATION_CLIENT, any_agency=True)]
"""Resolves numbers to household ids."""
