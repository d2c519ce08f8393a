"""What the web side needs of a deployment; `shared.service` provides it as `app.state.deployment`."""

from collections.abc import Mapping
from typing import Annotated, Protocol

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import Clock
from shared.directory import Directory
from shared.messaging.hearing import Hearing
from shared.messaging.metrics import HttpMetrics
from shared.security import Vault
from shared.security.tokens import TokenVerifier


class WebSettings(Protocol):
    """The part of DeploymentSettings that the web side reads."""

    @property
    def mode(self) -> str: ...
    @property
    def agency(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def public_url(self) -> str: ...
    @property
    def body_bytes_max(self) -> int: ...
    @property
    def oidc_issuer(self) -> str: ...
    @property
    def oidc_audience(self) -> str: ...
    @property
    def oidc_client_id(self) -> str: ...
    @property
    def oidc_jwks_url(self) -> str: ...
    @property
    def vault_keys(self) -> SecretStr: ...


class Kernel(Protocol):
    """The part of the kernel that the edge and the operator's screens call."""

    @property
    def hearing(self) -> Hearing: ...

    async def commit(self, session: AsyncSession) -> None:
        """Numbers what was announced, fills the outbox, commits and wakes the relay."""

    async def on_its_way(self, session: AsyncSession) -> None:
        """Until a relay of this process that was at rest has sent what was committed; milliseconds at most."""


class CurrentDirectory(Protocol):
    """The agency directory, as it stands now."""

    def current(self) -> Directory: ...


class Deployment(Protocol):
    """One service of one agency, running."""

    @property
    def service(self) -> str: ...
    @property
    def agency(self) -> str: ...
    @property
    def settings(self) -> WebSettings: ...
    @property
    def sessions(self) -> async_sessionmaker[AsyncSession]: ...
    @property
    def kernel(self) -> Kernel: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def directory(self) -> CurrentDirectory: ...
    @property
    def registry(self) -> CollectorRegistry: ...
    @property
    def http_metrics(self) -> HttpMetrics: ...

    async def health(self) -> Mapping[str, str | None]:
        """Each part that has to work, with what is wrong with it (None: nothing). Bounded in time by the caller."""


def deployment_of(request: Request) -> Deployment:
    """The deployment that answers this request."""
    found: Deployment = request.app.state.deployment
    return found


def verifier_of(request: Request) -> TokenVerifier:
    found: TokenVerifier = request.app.state.tokens
    return found


async def give_deployment(request: Request) -> Deployment:
    """The same, as a dependency of endpoints."""
    # Not the function above itself: the framework runs what does not say async in a thread of its own.
    return deployment_of(request)


DeploymentDep = Annotated[Deployment, Depends(give_deployment)]
