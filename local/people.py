"""Who may sign in on a laptop: people and systems by title, read from YAML, and again whenever the file changes."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from shared.events.fields import AgencyCode, RegionCode
from shared.security.roles import Role

SHIPPED: Final = Path(__file__).with_name("people.yaml")
"""The demo's cast. Never changed: the state folder gets a copy."""


class Person(BaseModel):
    """Someone to sign in as, or an outside system. `subject` begins with the agency's code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", max_length=120)
    title: str = Field(min_length=3, max_length=120)
    agency: AgencyCode
    roles: tuple[Role, ...] = Field(min_length=1)
    regions: tuple[Annotated[RegionCode, Field(min_length=2)], ...] = Field(min_length=1)


class UnknownPersonError(LookupError):
    """Nobody of that subject is in the file."""


class _Cast(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: list[Person]


class PeopleFile:
    """The people of a file, as it stands now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (0, 0)
        self._people: dict[str, Person] = {}

    def people(self) -> list[Person]:
        """In the order of the file. Costs one `stat` while it does not change."""
        status = self._path.stat()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            self._people, self._seen = {person.subject: person for person in _read(self._path)}, seen
        return list(self._people.values())

    def person(self, subject: str) -> Person:
        """Raises UnknownPersonError."""
        self.people()
        try:
            return self._people[subject]
        except KeyError:
            raise UnknownPersonError(f"nobody called {subject!r} in {self._path}") from None


def people_of_state(state: Path) -> Path:
    """The state folder's copy of the cast, made when it is not there."""
    path = state / "people.yaml"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        shutil.copyfile(SHIPPED, part)
        part.replace(path)
    return path


def add_people(path: Path, people: Sequence[Person]) -> None:
    """Adds people, or replaces those of the same subject. Done twice it changes nothing; readers never see half."""
    known = {person.subject: person for person in _read(path)} | {person.subject: person for person in people}
    _write(path, list(known.values()))


def remove_people(path: Path, agency: str) -> None:
    """Takes everyone of an agency out: they get no token any more."""
    _write(path, [person for person in _read(path) if person.agency != agency])


def people_of_new_agency(agency: str, region: str) -> list[Person]:
    """Those whom an agency with a programs deployment needs, two for every decision that needs two."""
    cast: list[tuple[str, str, tuple[Role, ...]]] = [
        ("petugas-program", "Petugas program", (Role.PROGRAMME_OFFICER,)),
        ("kepala-bidang-program", "Kepala bidang program", (Role.PROGRAMME_OFFICER,)),
        ("pembuat-daftar-bayar", "Pembuat daftar bayar", (Role.PAYMENT_MAKER,)),
        ("pemeriksa-daftar-bayar", "Pemeriksa daftar bayar", (Role.PAYMENT_CHECKER,)),
        ("koordinator", "Koordinator dinas", (Role.COORDINATOR,)),
        ("pengelola-sistem", "Pengelola sistem", (Role.OPERATOR,)),
    ]
    return [
        Person(subject=f"{agency}.{word}", title=title, agency=agency, roles=roles, regions=(region,))
        for word, title, roles in cast
    ]


def _read(path: Path) -> list[Person]:
    return _Cast.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).people


def _write(path: Path, people: list[Person]) -> None:
    document = {"people": [person.model_dump(mode="json") for person in people]}
    part = path.with_suffix(".part")
    part.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    part.replace(path)
