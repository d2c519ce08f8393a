"""The people a deployment may tell something: subjects with their agency, roles and regions. No names, no addresses."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field

from shared.events.fields import AgencyCode, RegionCode
from shared.security import Role

log = structlog.get_logger(__name__)


class Person(BaseModel):
    """Somebody who can sign in. The same file may say more about people; it is not read here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    subject: str = Field(min_length=1, max_length=120)
    agency: AgencyCode
    roles: frozenset[Role]
    regions: tuple[Annotated[RegionCode, Field(min_length=2)], ...]

    @property
    def principal(self) -> str:
        """As a caller is named: subjects are unique within an agency only."""
        return f"{self.agency}/{self.subject}"


class _Document(BaseModel):
    people: list[Person]


class PeopleFile:
    """The people of a file, read again when it was replaced. A missing or wrong file leaves the last reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._people: tuple[Person, ...] = ()

    def people(self) -> tuple[Person, ...]:
        """Costs one `stat` while the file does not change."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked per event: a Path object's detour counts
        except OSError:
            log.warning("people.missing")
            return self._people
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            try:
                self._people = read_people(self._path)
            except (OSError, ValueError, yaml.YAMLError):
                log.exception("people.refused")
            self._seen = seen
        return self._people


def read_people(path: Path) -> tuple[Person, ...]:
    """One reading. Raises ValueError where an entry is wrong."""
    return tuple(_Document.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).people)


@cache
def people_at(path: Path) -> PeopleFile:
    """The one reader of a path in this process."""
    return PeopleFile(path)
