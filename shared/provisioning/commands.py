"""`tuntas agency`: the operator's commands. Each may be repeated; what it prints is what changed and what remains."""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from pydantic import ValidationError

from shared.clock import Clock
from shared.directory import DirectoryError, read_directory
from shared.provisioning.agency import Joining, add, remove, suspend
from shared.provisioning.cluster import ProvisioningError
from shared.provisioning.operator import OperatorSettings
from shared.provisioning.provision import provision
from shared.provisioning.to_sign import after_joining, after_removal
from shared.regions import Regions
from shared.texts import Locale, text

app = App(name="agency", help="Let an agency join, suspend it, remove it.")


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """What every command of the operator takes."""

    state: Annotated[Path | None, Parameter(help="Folder of the deployments' secrets (default: the demo's).")] = None
    on: Annotated[date | None, Parameter(help="Day from which the change holds (default: today).")] = None
    language: Annotated[Locale, Parameter(help="Language of what is printed.")] = "id"

    def operator(self) -> OperatorSettings:
        """Raises SystemExit with what is missing where nobody has provisioned here yet."""
        state = self.state or Path(os.environ.get("TUNTAS_STATE", ".tuntas")) / "demo" / "city"
        try:
            return OperatorSettings.of_state(state)
        except ValidationError as error:
            missing = ", ".join(f"TUNTAS_{str(found['loc'][0]).upper()}" for found in error.errors())
            raise SystemExit(
                f"{state} holds no usable operator.env, and the environment does not say: {missing}"
            ) from None

    def day(self, operator: OperatorSettings, region: str) -> date:
        return self.on or Clock(operator.clock_file).today(Regions.load().timezone_of(region).key)


DEFAULTS = Common()


@app.command(name="add")
def add_command(
    code: str,
    *,
    name: str | None = None,
    region: str | None = None,
    service: tuple[str, ...] = (),
    runs: Literal["here", "elsewhere"] = "here",
    legal_basis: str | None = None,
    common: Common = DEFAULTS,
) -> None:
    """Let an agency join, or return after a suspension; for one that is known the code is enough.

    Parameters
    ----------
    code: Lower-case words joined by hyphens, e.g. disnaker-samarinda.
    name: The agency's full name.
    region: The region whose subtree it works in, e.g. 64.72.
    service: A service it runs (repeat for more): programs, intake, verification, notifications.
    runs: Whether its deployments run in this cluster's care, or are a client of its own elsewhere.
    legal_basis: Code of the legal basis on which it may read household profiles.
    """
    operator = common.operator()
    joining = _joining(operator, common, code, name, region, service, runs, legal_basis)
    _print_changes(_run(add(operator, joining)), common.language)
    print("\n".join(after_joining(operator, joining, common.language)))


@app.command(name="suspend")
def suspend_command(code: str, *, common: Common = DEFAULTS) -> None:
    """Stop an agency from announcing; it still reads, and what it announced still counts."""
    operator = common.operator()
    day = common.day(operator, _region_of(operator, code))
    _print_changes(_run(suspend(operator, code, day)), common.language)
    print(text("agency.suspended", common.language, agency=code))


@app.command(name="remove")
def remove_command(code: str, *, common: Common = DEFAULTS) -> None:
    """Take everything from an agency but its facts and its databases."""
    operator = common.operator()
    day = common.day(operator, _region_of(operator, code))
    _print_changes(_run(remove(operator, code, day)), common.language)
    print("\n".join(after_removal(operator, code, common.language)))


@app.command(name="provision")
def provision_command(*, common: Common = DEFAULTS) -> None:
    """Bring the whole cluster to what the agency directory says: for a founding set, and after it was changed."""
    operator = common.operator()
    first = next(iter(read_directory(operator.directory_file).entries.agencies.values()))
    _print_changes(_run(provision(operator, on=common.day(operator, first.region))), common.language)


def _joining(
    operator: OperatorSettings,
    common: Common,
    code: str,
    name: str | None,
    region: str | None,
    services: tuple[str, ...],
    runs: Literal["here", "elsewhere"],
    legal_basis: str | None,
) -> Joining:
    directory = read_directory(operator.directory_file, operator.topic_root)
    if directory.knows(code):
        known = directory.agency(code)
        name, region = name or known.name, region or known.region
        services = services or tuple(each.service for each in directory.deployments(agency=code))
    if name is None or region is None or not services:
        raise SystemExit(f"{code} is new: say --name, --region and at least one --service")
    if not Regions.load().known(region):
        raise SystemExit(f"{region} is no region that is loaded here")
    return Joining(code, name, region, services, common.day(operator, region), runs, legal_basis)


def _region_of(operator: OperatorSettings, code: str) -> str:
    directory = read_directory(operator.directory_file, operator.topic_root)
    if not directory.knows(code):
        raise SystemExit(f"no agency {code} in {operator.directory_file}")
    return directory.agency(code).region


def _run(step: Coroutine[Any, Any, list[str]]) -> list[str]:
    try:
        return asyncio.run(step)
    except (ProvisioningError, DirectoryError, ValidationError) as error:
        raise SystemExit(str(error)) from None


def _print_changes(changed: list[str], language: Locale) -> None:
    print("\n".join(f"  {line}" for line in changed) or text("agency.unchanged", language))
