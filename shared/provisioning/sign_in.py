"""Who may sign in for an agency. On a laptop its people are entered here; elsewhere the agency's own issuer decides."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from shared.security.roles import Role


def enter_people(issuer_file: Path, agency: str, region: str, runs: Literal["here", "elsewhere"]) -> list[str]:
    """Who signs in for an agency that joins: its people, or the system it runs elsewhere. Twice changes nothing."""
    people = _laptop_people()
    system = {"subject": f"{agency}.sistem", "title": "Sistem informasi", "roles": (Role.INTEGRATION_CLIENT,)}
    cast = (
        people.people_of_new_agency(agency, region)
        if runs == "here"
        else [people.Person(agency=agency, regions=(region,), **system)]
    )
    return _changed(
        issuer_file,
        f"people of {agency} entered at the laptop issuer",
        lambda: people.add_people(issuer_file, cast),
    )


def remove_people(issuer_file: Path, agency: str) -> list[str]:
    """Nobody of the agency gets a token any more; one that was issued ends within hours."""
    people = _laptop_people()
    return _changed(
        issuer_file,
        f"people of {agency} removed from the laptop issuer",
        lambda: people.remove_people(issuer_file, agency),
    )


def _laptop_people() -> Any:
    # Found by name, as services are: what is shared does not depend on the laptop's part.
    return import_module("local.people")


def _changed(path: Path, sentence: str, change: Callable[[], None]) -> list[str]:
    before = path.read_bytes()
    change()
    return [sentence] if path.read_bytes() != before else []
