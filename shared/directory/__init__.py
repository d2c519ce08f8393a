"""The agency directory: who runs what, whose word counts where, who may read which profiles."""

from shared.directory.entries import (
    Agency,
    AgencyStatus,
    Authority,
    Deployment,
    DeploymentId,
    DirectoryEntries,
    ProfileGrant,
    StatusChange,
    is_within,
)
from shared.directory.file import DirectoryError, DirectoryFile, parse_entries, read_directory
from shared.directory.lookup import Directory, UnknownAgencyError

__all__ = [
    "Agency",
    "AgencyStatus",
    "Authority",
    "Deployment",
    "DeploymentId",
    "Directory",
    "DirectoryEntries",
    "DirectoryError",
    "DirectoryFile",
    "ProfileGrant",
    "StatusChange",
    "UnknownAgencyError",
    "is_within",
    "parse_entries",
    "read_directory",
]
