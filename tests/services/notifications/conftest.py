"""Fixtures of notifications' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.notifications.app import SERVICE
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.notifications.story import PEOPLE, NewNotifications


@pytest.fixture
def new_notifications(deployment_of: DeploymentFactory, tmp_path: Path) -> NewNotifications:
    """Makes a notifications deployment on a database of its own, with people to tell."""

    async def make() -> TestDeployment:
        people = tmp_path / "people.yaml"
        people.write_text(PEOPLE, encoding="utf-8")
        return await deployment_of(SERVICE, people_file=people)

    return make


@pytest.fixture
async def notifications(new_notifications: NewNotifications) -> TestDeployment:
    return await new_notifications()
