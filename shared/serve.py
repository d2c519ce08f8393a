"""Serve a deployment: its HTTP side and the loops of its role, in one process."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from shared.deployment import Deployment
from shared.logging import configure_logging
from shared.messaging.collecting import collecting_seldom, collecting_the_young
from shared.messaging.kernel import Role
from shared.service import Service
from shared.settings import DeploymentSettings
from shared.web.app import make_web_app

SHUTDOWN_SECONDS_MAX = 15


def find_service(name: str) -> Service:
    """The declaration of a service, found by its name: shared imports no service."""
    found: Service = importlib.import_module(f"services.{name}.app").SERVICE
    return found


def read_settings(service: Service, env_file: Path | None) -> DeploymentSettings:
    """Settings from the environment and, below it, a deployment's own file. Raises ValidationError at the start."""
    return service.settings(_env_file=env_file)


def make_app(service: Service, settings: DeploymentSettings, role: Role = "all") -> FastAPI:
    """The application of a deployment in a role. Without the api role only probes and metrics answer."""
    deployment = Deployment(service, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with deployment.running(role), collecting_the_young():
            yield

    routes = service.routes if role in ("api", "all") else ()
    return make_web_app(f"Tuntas {service.name}, {settings.agency}", routes, deployment, lifespan=lifespan)


def serve(service: Service, settings: DeploymentSettings, role: Role) -> None:
    """Run until SIGTERM or SIGINT, then drain within a bound."""
    configure_logging(settings.log_level, for_good=True, service=service.name, agency=settings.agency)
    options: dict[str, Any] = {"loop": "uvloop", "http": "httptools"}
    web = make_app(service, settings, role)
    with collecting_seldom():
        uvicorn.run(
            web,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
            **options,
        )
