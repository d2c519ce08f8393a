"""A verification deployment with a household of the list that waits for its visit."""

from __future__ import annotations

import pytest

from services.verification.app import SERVICE
from tests.fixtures.deployments import DeploymentFactory
from tests.services.verification.city import City


@pytest.fixture
async def city(deployment_of: DeploymentFactory) -> City:
    """Dinas Sosial's verification, with nobody in it yet."""
    return City(await deployment_of(SERVICE))
