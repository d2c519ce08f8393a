"""Settings of notifications."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.settings import DeploymentSettings


class NotificationsSettings(DeploymentSettings):
    """Beside what every deployment has: who may be told, and when silence is too long."""

    people_file: Path | None = Field(
        None,
        description="Subjects with agency, roles and regions (YAML); without it, people.yaml beside the directory.",
    )
    silent_after_minutes: Annotated[int, Field(ge=5)] = 60
    silence_check_minutes: Annotated[int, Field(ge=1, le=60)] = 10

    @property
    def people_path(self) -> Path:
        return self.people_file or self.directory_file.parent / "people.yaml"
