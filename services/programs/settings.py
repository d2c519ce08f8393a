"""What a programs deployment is told from outside."""

from __future__ import annotations

from shared.settings import DeploymentSettings


class ProgramsSettings(DeploymentSettings):
    """Nothing of its own so far: what an agency gives stands in its programme files."""
