"""The ten roles. A token names them by these words; what each may do is declared at the routes (docs/roles.md)."""

from enum import StrEnum

from shared.texts import Locale, text


class Role(StrEnum):
    PROPOSER = "proposer"
    FIELD_VERIFIER = "field-verifier"
    VERIFICATION_SUPERVISOR = "verification-supervisor"
    PROGRAMME_OFFICER = "programme-officer"
    PAYMENT_MAKER = "payment-maker"
    PAYMENT_CHECKER = "payment-checker"
    COORDINATOR = "coordinator"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    INTEGRATION_CLIENT = "integration-client"

    def title_in(self, locale: Locale) -> str:
        """What people call the role."""
        return text(f"role.{self.value}", locale)
