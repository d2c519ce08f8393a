"""Settings fail at the start, with a sentence each, and production has what a laptop may do without."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.settings import DeploymentSettings

KEY = base64.b64encode(b"k" * 32).decode()
LAPTOP: dict[str, Any] = {
    "mode": "laptop", "agency": "dinsos-samarinda", "region": "64.72", "directory_file": Path("agencies.yaml"),
    "database_url": "postgresql://r:p@h/d", "kafka_bootstrap": "h:9092", "kafka_username": "u", "kafka_password": "p",
    "oidc_issuer": "http://127.0.0.1:1", "oidc_jwks_url": "http://127.0.0.1:1/jwks",
    "vault_keys": f"1:{KEY},2:{KEY}", "blind_index_key": KEY,
}  # fmt: skip
PRODUCTION = {
    **LAPTOP, "mode": "production", "kafka_ca_file": Path("ca.pem"), "database_ca_file": Path("ca.pem"),
    "oidc_issuer": "https://id.example.go.id", "oidc_jwks_url": "https://id.example.go.id/jwks",
}  # fmt: skip


def test_laptop_and_production_start_with_what_they_need() -> None:
    assert DeploymentSettings(**LAPTOP).mode == "laptop"
    assert DeploymentSettings(**PRODUCTION).mode == "production"
    assert DeploymentSettings(**LAPTOP).deployment_keys() == {1: b"k" * 32, 2: b"k" * 32}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kafka_ca_file", None),
        ("database_ca_file", None),
        ("oidc_issuer", "http://id.example.go.id"),
        ("oidc_jwks_url", "http://id.example.go.id/jwks"),
        ("clock_file", Path("clock")),
    ],
)
def test_production_refuses_what_only_a_laptop_may_do(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"TUNTAS_{name.upper()}"):
        DeploymentSettings(**{**PRODUCTION, name: value})


def test_production_is_the_default() -> None:
    settings = {name: value for name, value in LAPTOP.items() if name != "mode"}
    with pytest.raises(ValidationError, match="production"):
        DeploymentSettings(**settings)


def test_secrets_do_not_show() -> None:
    shown = repr(DeploymentSettings(**LAPTOP)) + str(DeploymentSettings(**LAPTOP).model_dump())
    assert KEY not in shown
    assert "postgresql://r:p" not in shown


@pytest.mark.parametrize(("name", "value"), [("topic_root", "a-b"), ("region", "6472"), ("batch_records_max", 0)])
def test_what_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        DeploymentSettings(**{**LAPTOP, name: value})
