"""The directory as running services ask it: look-ups without any input or output, fast enough to ask per record."""

from collections.abc import Iterator
from datetime import date

from shared.directory.entries import (
    Agency,
    AgencyStatus,
    Authority,
    Deployment,
    DeploymentId,
    DirectoryEntries,
    LegalBasis,
    ProfileGrant,
    is_within,
)
from shared.events import topics
from shared.events.topics import PROFILE_SERVICES, Announcer


class UnknownAgencyError(LookupError):
    """No agency of that code was ever in the directory."""


class Directory:
    """One reading of the directory's file, for one cluster's topic root. Never changes."""

    def __init__(self, entries: DirectoryEntries, root: str = topics.ROOT_DEFAULT) -> None:
        self.entries = entries
        self.root = root
        self._deployments = {deployment.id: deployment for deployment in entries.deployments}
        self._authority: dict[str, list[Authority]] = {}
        for entry in entries.authority:
            self._authority.setdefault(entry.region, []).append(entry)
        self._grants: dict[DeploymentId, list[ProfileGrant]] = {}
        for grant in entries.profile_grants:
            self._grants.setdefault(DeploymentId.parse(grant.reader), []).append(grant)

    def agency(self, code: str) -> Agency:
        """Raises UnknownAgencyError; removed agencies stay known, because their words stay on their topics."""
        try:
            return self.entries.agencies[code]
        except KeyError:
            raise UnknownAgencyError(f"no agency {code!r} in the directory") from None

    def knows(self, code: str) -> bool:
        return code in self.entries.agencies

    def deployments(self, *, service: str | None = None, agency: str | None = None) -> list[Deployment]:
        """In the order of the file."""
        return [
            deployment
            for deployment in self.entries.deployments
            if service in (None, deployment.service) and agency in (None, deployment.agency)
        ]

    def deployment(self, service: str, agency: str) -> Deployment | None:
        return self._deployments.get(DeploymentId(service, agency))

    def legal_basis(self, code: str) -> LegalBasis | None:
        return self.entries.legal_bases.get(code)

    def topic_of(self, service: str, agency: str) -> str:
        return topics.fact_topic(self.root, service, agency)

    def profiles_topic_of(self, service: str, agency: str) -> str:
        return topics.profiles_topic(self.root, service, agency)

    def announcer_of(self, topic: str) -> Announcer | None:
        """Whose word a topic carries, by its name alone; None for a name that is none of ours."""
        return topics.parse_topic(topic, self.root)

    def authority_over(self, service: str, region: str, on: date) -> str | None:
        """The agency whose intake or verification counts in a region on a day; the narrowest subtree decides."""
        subtree = region
        while subtree:
            for entry in self._authority.get(subtree, ()):
                if entry.holds_on(on):
                    return entry.of(service)
            subtree = subtree.rpartition(".")[0]
        return None

    def may_announce(self, service: str, agency: str, region: str | None, on: date) -> bool:
        """Whether a deployment's word about a region counts on a day.

        Intake and verification must be the authority over it; the others must work there. A fact without a region
        (a register's, a firm's) asks only whether the agency is in office, and of the first two whether it holds
        authority anywhere. A suspended agency's word still counts: the broker is what stops it from speaking.
        """
        known = self.entries.agencies.get(agency)
        if known is None or known.status_on(on) is AgencyStatus.REMOVED:
            return False
        if service in PROFILE_SERVICES:
            if region is None:
                return any(entry.of(service) == agency and entry.holds_on(on) for entry in self.entries.authority)
            return self.authority_over(service, region, on) == agency
        return region is None or is_within(region, known.region)

    def may_read_profiles(self, reader: DeploymentId, announcer: DeploymentId, on: date) -> bool:
        """A deployment may always read its own; of others, only what was granted and still holds."""
        if reader == announcer:
            return True
        return any(
            grant.holds_on(on) and str(announcer) in grant.of for grant in self._grants.get(DeploymentId(*reader), ())
        )

    def profiles_granted_to(self, reader: DeploymentId, on: date) -> list[DeploymentId]:
        """Whose profiles a deployment may read, its own left out."""
        return sorted({name for grant in self._held(reader, on) for name in map(DeploymentId.parse, grant.of)})

    def _held(self, reader: DeploymentId, on: date) -> Iterator[ProfileGrant]:
        return (grant for grant in self._grants.get(DeploymentId(*reader), ()) if grant.holds_on(on))
