"""Settings of an intake deployment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.settings import DeploymentSettings


class IntakeSettings(DeploymentSettings):
    """What intake needs beyond what every deployment does."""

    import_part_rows_max: Annotated[int, Field(ge=50, le=5_000)] = 2_000
    """Rows of a file that are worked through in one transaction, while forms wait to enter the register."""
    import_processes: Annotated[int, Field(ge=0, le=16)] = 2
    """Processes that check and seal the rows of a large file ahead, beside the worker that writes them; 0 for none."""
