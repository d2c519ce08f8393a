"""Who may do what, what is encrypted, and what is recorded about it."""

from shared.security.audit import audit, audit_row
from shared.security.caller import Caller
from shared.security.household_keys import erase_household_key, household_key, household_keys, rotate_household_keys
from shared.security.roles import Role
from shared.security.vault import HouseholdKey, Vault, VaultError, key_version_of

__all__ = [
    "Caller",
    "HouseholdKey",
    "Role",
    "Vault",
    "VaultError",
    "audit",
    "audit_row",
    "erase_household_key",
    "household_key",
    "household_keys",
    "key_version_of",
    "rotate_household_keys",
]
