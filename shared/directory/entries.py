"""What stands in the agency directory's file. Checked as a whole, so that no entry points into the void."""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from shared.events.envelope import ServiceName
from shared.events.fields import AgencyCode, RegionCode
from shared.events.topics import PROFILE_SERVICES

SubtreeCode = Annotated[RegionCode, Field(min_length=2)]


class AgencyStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(_Entry):
    """Holds from `since` until the day before `until`."""

    since: date
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)

    def overlaps(self, other: "Dated") -> bool:
        starts_before_other_ends = other.until is None or self.since < other.until
        return starts_before_other_ends and (self.until is None or other.since < self.until)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"until {self.until} is not after since {self.since}")
        return self


class StatusChange(_Entry):
    status: AgencyStatus
    since: date


class Agency(_Entry):
    """An agency, the subtree of regions in which it works, and its statuses in the order in which they came."""

    name: str = Field(min_length=3, max_length=120)
    region: SubtreeCode
    statuses: tuple[StatusChange, ...] = Field(min_length=1)

    @field_validator("statuses")
    @classmethod
    def _in_order(cls, statuses: tuple[StatusChange, ...]) -> tuple[StatusChange, ...]:
        if any(later.since < earlier.since for earlier, later in pairwise(statuses)):
            raise ValueError("statuses must stand in the order of their dates")
        return statuses

    @property
    def status(self) -> AgencyStatus:
        """The latest status: what holds now."""
        return self.statuses[-1].status

    def status_on(self, day: date) -> AgencyStatus:
        """The status that held on a day. The day of a change still counts to what held before it, so that what an
        agency announced in the morning stays valid when it is removed in the afternoon.
        """
        held = [change.status for change in self.statuses[1:] if change.since < day]
        return held[-1] if held else self.statuses[0].status


class DeploymentId(NamedTuple):
    service: str
    agency: str

    def __str__(self) -> str:
        return f"{self.service}.{self.agency}"

    @classmethod
    def parse(cls, text: str) -> "DeploymentId":
        service, _, agency = text.partition(".")
        return cls(service, agency)


class Deployment(_Entry):
    """One service of one agency. One that runs elsewhere is a client with its own principal and no database here."""

    service: ServiceName
    agency: AgencyCode
    runs: Literal["here", "elsewhere"] = "here"
    url: str | None = Field(None, pattern=r"^https?://")

    @property
    def id(self) -> DeploymentId:
        return DeploymentId(self.service, self.agency)


class LegalBasis(_Entry):
    title: str
    reference: str


class Authority(Dated):
    """Of all regions of a subtree: whose intake and whose verification counts. The narrowest subtree decides."""

    region: SubtreeCode
    intake: AgencyCode
    verification: AgencyCode

    def of(self, service: str) -> str:
        return self.intake if service == "intake" else self.verification


class ProfileGrant(Dated):
    """A deployment may read the profiles that others announce, on a legal basis. Deployments as `service.agency`."""

    reader: str
    of: tuple[str, ...] = Field(min_length=1)
    legal_basis: str


class DirectoryEntries(_Entry):
    """The whole file."""

    agencies: dict[AgencyCode, Agency] = Field(min_length=1)
    deployments: tuple[Deployment, ...] = ()
    legal_bases: dict[str, LegalBasis] = Field(default_factory=dict)
    authority: tuple[Authority, ...] = ()
    profile_grants: tuple[ProfileGrant, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        mistakes = [*self._of_deployments(), *self._of_authority(), *self._of_grants()]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _of_deployments(self) -> Iterator[str]:
        seen: set[DeploymentId] = set()
        for deployment in self.deployments:
            if deployment.agency not in self.agencies:
                yield f"deployment {deployment.id}: no agency {deployment.agency}"
            if deployment.id in seen:
                yield f"deployment {deployment.id} stands twice"
            seen.add(deployment.id)

    def _of_authority(self) -> Iterator[str]:
        known = {deployment.id for deployment in self.deployments}
        for at, entry in enumerate(self.authority):
            for service in PROFILE_SERVICES:
                agency = entry.of(service)
                if DeploymentId(service, agency) not in known:
                    yield f"authority over {entry.region}: no deployment {service}.{agency}"
                elif not is_within(entry.region, self.agencies[agency].region):
                    yield f"authority over {entry.region}: outside {agency}'s region {self.agencies[agency].region}"
            if any(entry.region == other.region and entry.overlaps(other) for other in self.authority[:at]):
                yield f"authority over {entry.region} is held by two at once"

    def _of_grants(self) -> Iterator[str]:
        known = {deployment.id for deployment in self.deployments}
        for grant in self.profile_grants:
            for name in (grant.reader, *grant.of):
                if DeploymentId.parse(name) not in known:
                    yield f"profile grant to {grant.reader}: no deployment {name}"
            if any(DeploymentId.parse(name).service not in PROFILE_SERVICES for name in grant.of):
                yield f"profile grant to {grant.reader}: only {' and '.join(PROFILE_SERVICES)} announce profiles"
            if grant.legal_basis not in self.legal_bases:
                yield f"profile grant to {grant.reader}: no legal basis {grant.legal_basis}"


def is_within(region: str, subtree: str) -> bool:
    """Whether a dotted region code lies in a subtree (or is its root)."""
    return region == subtree or region.startswith(f"{subtree}.")
