"""Changes of the agency directory: pure ones of its entries, and the one that replaces its file."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import yaml

from shared.directory import (
    Agency,
    AgencyStatus,
    Deployment,
    DeploymentId,
    DirectoryEntries,
    ProfileGrant,
    StatusChange,
    parse_entries,
)
from shared.events.topics import PROFILE_SERVICES
from shared.provisioning.cluster import ProvisioningError

Change = Callable[[DirectoryEntries], DirectoryEntries]


def change_directory(path: Path, change: Change) -> bool:
    """Replaces the file whole, so that no reader sees half of it; one writer at a time.

    The result is checked before it is written. Comments at the head stay. False where nothing changes.
    """
    with _only_writer(path):
        text = path.read_text(encoding="utf-8")
        before = parse_entries(text, name=str(path))
        after = change(before)
        if after == before:
            return False
        head = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("#"))
        part = path.with_name(f".{path.name}.new")
        part.write_text(f"{head}\n{text_of(after)}" if head else text_of(after), encoding="utf-8")
        part.replace(path)
        return True


def text_of(entries: DirectoryEntries) -> str:
    """The entries as YAML. Raises DirectoryError where they do not hold together."""
    plain = entries.model_dump(mode="json", exclude_defaults=True)
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    parse_entries(text, name="the changed directory")
    return text


def with_agency(entries: DirectoryEntries, code: str, *, name: str, region: str, since: date) -> DirectoryEntries:
    """An agency in office: a new one, or one that was suspended or removed. A known one keeps name and region."""
    known = entries.agencies.get(code)
    if known is None:
        agency = Agency(name=name, region=region, statuses=(StatusChange(status=AgencyStatus.ACTIVE, since=since),))
        return entries.model_copy(update={"agencies": {**entries.agencies, code: agency}})
    if (known.name, known.region) != (name, region):
        raise ProvisioningError(f"{code} is {known.name}, region {known.region}: a code is never given to another")
    return with_status(entries, code, AgencyStatus.ACTIVE, since)


def with_status(entries: DirectoryEntries, code: str, status: AgencyStatus, since: date) -> DirectoryEntries:
    """An agency with another status from a day on; what was stays in its history."""
    known = entries.agencies.get(code)
    if known is None:
        raise ProvisioningError(f"no agency {code} in the directory")
    if known.status is status:
        return entries
    change = StatusChange(status=status, since=max(since, known.statuses[-1].since))
    agency = known.model_copy(update={"statuses": (*known.statuses, change)})
    return entries.model_copy(update={"agencies": {**entries.agencies, code: agency}})


def with_deployment(entries: DirectoryEntries, deployment: Deployment) -> DirectoryEntries:
    """A deployment, added once; its address is set where one is given."""
    others = [each for each in entries.deployments if each.id != deployment.id]
    if len(others) == len(entries.deployments):
        return entries.model_copy(update={"deployments": (*entries.deployments, deployment)})
    known = next(each for each in entries.deployments if each.id == deployment.id)
    if known.runs != deployment.runs:
        raise ProvisioningError(f"{deployment.id} runs {known.runs}: remove the agency before it moves")
    if deployment.url in (None, known.url):
        return entries
    changed = known.model_copy(update={"url": deployment.url})
    return entries.model_copy(
        update={"deployments": tuple(changed if each.id == changed.id else each for each in entries.deployments)}
    )


def with_grants(
    entries: DirectoryEntries, readers: list[DeploymentId], legal_basis: str, since: date
) -> DirectoryEntries:
    """Leave to read, on a legal basis, the profiles of whoever holds authority over the readers' region."""
    if legal_basis not in entries.legal_bases:
        known = ", ".join(sorted(entries.legal_bases)) or "none"
        raise ProvisioningError(f"no legal basis {legal_basis} in the directory; there are: {known}")
    added = []
    for reader in readers:
        announcers = _authorities_over(entries, entries.agencies[reader.agency].region, since)
        held = {name for grant in entries.profile_grants if grant.reader == str(reader) for name in grant.of}
        missing = tuple(name for name in announcers if name not in held and name != str(reader))
        if missing:
            added.append(ProfileGrant(reader=str(reader), of=missing, legal_basis=legal_basis, since=since))
    return entries.model_copy(update={"profile_grants": (*entries.profile_grants, *added)}) if added else entries


def _authorities_over(entries: DirectoryEntries, region: str, on: date) -> list[str]:
    """Deployments whose word counts somewhere in a region, or over the whole of it."""
    touching = [
        entry
        for entry in entries.authority
        if entry.holds_on(on) and (f"{entry.region}.".startswith(f"{region}.") or f"{region}.".startswith(entry.region))
    ]
    return sorted({f"{service}.{entry.of(service)}" for entry in touching for service in PROFILE_SERVICES})


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
