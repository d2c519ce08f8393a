"""An agency joins, is suspended, is removed: the directory says so first, then the cluster is brought to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.directory import AgencyStatus, Deployment, DeploymentId, DirectoryEntries
from shared.provisioning.databases import database_of
from shared.provisioning.entries import change_directory, with_agency, with_deployment, with_grants, with_status
from shared.provisioning.operator import OperatorSettings
from shared.provisioning.provision import provision
from shared.provisioning.sign_in import enter_people, remove_people


@dataclass(frozen=True)
class Joining:
    """What somebody asks for when an agency joins."""

    code: str
    name: str
    region: str
    services: tuple[str, ...]
    since: date
    runs: Literal["here", "elsewhere"] = "here"
    legal_basis: str | None = None
    """On which its deployments may read the profiles of the households in their region; without one they read none."""

    @property
    def deployments(self) -> list[Deployment]:
        return [
            Deployment.model_validate({"service": service, "agency": self.code, "runs": self.runs})
            for service in self.services
        ]


async def add(operator: OperatorSettings, joining: Joining) -> list[str]:
    """Every step of an agency's joining, or of its return; says what changed, a line each."""
    changed = _entered(operator, joining)
    changed += await provision(operator, on=joining.since, agency=joining.code, react_from="now")
    if operator.issuer_file is not None:
        changed += enter_people(operator.issuer_file, joining.code, joining.region, joining.runs)
    return changed


async def suspend(operator: OperatorSettings, code: str, on: date) -> list[str]:
    """The agency can no longer announce; it still reads, and all that it announced still counts."""
    return await _to_status(operator, code, AgencyStatus.SUSPENDED, on)


async def remove(operator: OperatorSettings, code: str, on: date) -> list[str]:
    """The agency's principals are locked, its ACLs and sign-ins are gone. Its facts and its databases stay."""
    changed = await _to_status(operator, code, AgencyStatus.REMOVED, on)
    if operator.issuer_file is not None:
        changed += remove_people(operator.issuer_file, code)
    return changed


def kept_databases(operator: OperatorSettings, deployments: Sequence[Deployment]) -> list[str]:
    """The databases that a removal leaves behind."""
    return [database_of(operator.topic_root, each.id) for each in deployments if each.runs == "here"]


def _entered(operator: OperatorSettings, joining: Joining) -> list[str]:
    changed = change_directory(operator.directory_file, lambda entries: _with_joining(entries, joining))
    return [f"{joining.code} entered in the directory"] if changed else []


def _with_joining(entries: DirectoryEntries, joining: Joining) -> DirectoryEntries:
    entries = with_agency(entries, joining.code, name=joining.name, region=joining.region, since=joining.since)
    for deployment in joining.deployments:
        entries = with_deployment(entries, deployment)
    if joining.legal_basis is None:
        return entries
    readers = [DeploymentId(service, joining.code) for service in joining.services]
    return with_grants(entries, readers, joining.legal_basis, joining.since)


async def _to_status(operator: OperatorSettings, code: str, status: AgencyStatus, on: date) -> list[str]:
    def change(entries: DirectoryEntries) -> DirectoryEntries:
        return with_status(entries, code, status, on)

    changed = change_directory(operator.directory_file, change)
    said = [f"{code} is {status.value} from {on} on"] if changed else []
    return said + await provision(operator, on=on, agency=code)
