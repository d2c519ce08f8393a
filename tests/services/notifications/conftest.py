"""Fixtures of notifications' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.notifications.app import SERVICE
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.services.notifications.story import NewNotifications

PEOPLE = """
people:
  - {subject: koordinator, agency: dinsos-samarinda, roles: [coordinator], regions: ["64.72"]}
  - {subject: penyelia, agency: dinsos-samarinda, roles: [verification-supervisor], regions: ["64.72"]}
  - {subject: pendamping-utara, agency: dinsos-samarinda, roles: [field-verifier], regions: ["64.72.05"]}
  - {subject: pendamping-palaran, agency: dinsos-samarinda, roles: [field-verifier], regions: ["64.72.01"]}
  - {subject: pemeriksa, agency: dinsos-samarinda, roles: [payment-checker], regions: ["64.72"]}
  - {subject: pengelola, agency: dinsos-samarinda, roles: [operator], regions: ["64.72"]}
  - {subject: koordinator, agency: dinkop-samarinda, roles: [coordinator], regions: ["64.72"]}
  - {subject: petugas, agency: dinkop-samarinda, roles: [programme-officer], regions: ["64.72"]}
  - {subject: provinsi, agency: dinsos-kaltim, roles: [coordinator], regions: ["64"]}
"""


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
