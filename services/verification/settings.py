"""Settings of a verification deployment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.settings import DeploymentSettings


class VerificationSettings(DeploymentSettings):
    visit_days: Annotated[int, Field(ge=1, le=365)] = 30
    """So many days after it was opened a case's visit is overdue."""
    daily_round_hour: Annotated[int, Field(ge=0, le=23)] = 6
    """Local hour at which overdue visits are counted and old verifications expire."""
