"""What an operator has of a deployment: its settings, in a file."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.deployments import TestDeployment


def settings_file(city: TestDeployment, path: Path, keys: str) -> Path:
    """The deployment's own settings as an operator's file, with other deployment keys."""
    settings = city.deployment.settings
    values = {
        name: getattr(settings, name)
        for name in (
            "mode", "agency", "region", "directory_file", "topic_root", "kafka_bootstrap", "kafka_username",
            "oidc_issuer", "oidc_jwks_url",
        )
    }  # fmt: skip
    values |= {"database_url": city.database.dsn, "kafka_password": "p", "vault_keys": keys}
    values |= {"blind_index_key": settings.blind_index_key.get_secret_value()}
    path.write_text("".join(f"TUNTAS_{name.upper()}={value}\n" for name, value in values.items()), encoding="utf-8")
    return path
